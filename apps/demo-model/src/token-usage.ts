// Token counts that look like real ones: estimated from text lengths, with the parts a prompt cache would hold.
import type { Message, MessagesRequest } from './messages-request.js';
import type { Block, Reply } from './reply.js';

/** The API's `usage` object; all in tokens. */
export interface TokenUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
}

const CHARACTERS_PER_TOKEN = 4;
// What the API counts outside the last cache breakpoint.
const UNCACHED_TAIL = 3;

/** All tokens of a request: system prompt, tools and messages. */
export function inputTokens(request: MessagesRequest): number {
  return tokensIn(request.system) + tokensIn(request.tools) + request.messages.reduce((sum, message) => sum + tokensOf(message), 0);
}

/** Usage before the first word of the answer (`output_tokens` 1, as in message_start). Without cache_control nothing is cached. */
export function startUsage(request: MessagesRequest): TokenUsage {
  const total = inputTokens(request);
  if (!JSON.stringify([request.system, request.tools, request.messages]).includes('"cache_control"')) {
    return { input_tokens: total, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 };
  }
  const input = Math.min(UNCACHED_TAIL, total);
  // The request before this one ended where the last answer begins, and left that much in the cache.
  const lastAnswer = request.messages.findLastIndex((message) => message.role === 'assistant');
  const fresh = lastAnswer < 0 ? total : request.messages.slice(lastAnswer).reduce((sum, message) => sum + tokensOf(message), 0);
  const created = Math.max(0, Math.min(fresh, total) - input);
  return { input_tokens: input, cache_creation_input_tokens: created, cache_read_input_tokens: total - input - created, output_tokens: 1 };
}

/** At least 1, also for an empty answer. */
export function outputTokens(reply: Reply): number {
  const characters = reply.blocks.reduce((sum, block) => sum + charactersOf(block), 0);
  return Math.max(1, Math.ceil(characters / CHARACTERS_PER_TOKEN));
}

function charactersOf(block: Block): number {
  if (block.kind === 'tool') return block.name.length + JSON.stringify(block.input).length;
  return block.pieces.reduce((sum, piece) => sum + piece.length, 0);
}

function tokensOf(message: Message): number {
  return tokensIn(message.content);
}

function tokensIn(part: unknown): number {
  if (part === undefined) return 0;
  const text = typeof part === 'string' ? part : JSON.stringify(part);
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
