// A reply as one JSON message, for requests that do not stream.
import { randomBytes } from 'node:crypto';
import type { Block, Reply, StopReason } from './reply.js';
import type { TokenUsage } from './token-usage.js';

/** What is known of an answer before its first word. */
export interface MessageHead {
  /** `msg_…`, unique. */
  readonly id: string;
  /** The model that was asked for: echoed, the CLI prices by it. */
  readonly model: string;
  readonly usage: TokenUsage;
}

export interface ApiMessage {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly Readonly<Record<string, unknown>>[];
  readonly stop_reason: StopReason | null;
  readonly stop_sequence: null;
  readonly usage: TokenUsage;
}

/** Unique in the process and beyond, in the form of the API: `msg_…`, `req_…`. */
export function newId(prefix: 'msg' | 'req'): string {
  return `${prefix}_demo${randomBytes(12).toString('hex')}`;
}

/** Derived from the message, so unique as long as message ids are. */
export function toolUseId(head: MessageHead, index: number): string {
  return `toolu_${head.id.replace(/^msg_/, '')}_${index}`;
}

/** Thinking blocks carry a signature; the CLI sends it back and nobody checks it here. */
export const THINKING_SIGNATURE = 'ZGVtby1tb2RlbA==';

/** The message before any content, as message_start carries it. */
export function emptyMessage(head: MessageHead): ApiMessage {
  const { id, model, usage } = head;
  return { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage };
}

/** The whole message; `outputTokens` replaces the start value of the usage. */
export function wholeMessage(reply: Reply, head: MessageHead, outputTokens: number): ApiMessage {
  const content = reply.blocks.map((block, index) => contentOf(block, toolUseId(head, index)));
  const usage = { ...head.usage, output_tokens: outputTokens };
  return { ...emptyMessage(head), content, stop_reason: reply.stopReason, usage };
}

function contentOf(block: Block, toolId: string): Record<string, unknown> {
  if (block.kind === 'tool') return { type: 'tool_use', id: toolId, name: block.name, input: block.input };
  const prose = block.pieces.join('');
  if (block.kind === 'text') return { type: 'text', text: prose };
  return { type: 'thinking', thinking: prose, signature: THINKING_SIGNATURE };
}
