// A reply as the events of the streaming API, in order.
import { emptyMessage, THINKING_SIGNATURE, toolUseId } from './message.js';
import type { MessageHead } from './message.js';
import type { Block, Reply } from './reply.js';

export interface StreamEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Waited before the event is written. */
  readonly delayMs: number;
  /** Carries content; faults count these. */
  readonly isDelta: boolean;
}

const INPUT_PIECE_CHARACTERS = 1024;

/** message_start, ping, the blocks, message_delta with the final usage, message_stop. Lazy: a long reply is never held twice. */
export function* streamEvents(reply: Reply, head: MessageHead, outputTokens: number): Generator<StreamEvent> {
  yield event('message_start', { message: emptyMessage(head) }, reply.startDelayMs ?? 0);
  yield event('ping', {});
  for (const [index, block] of reply.blocks.entries()) {
    yield event('content_block_start', { index, content_block: openingOf(block, toolUseId(head, index)) });
    yield* deltasOf(block, index);
    yield event('content_block_stop', { index });
  }
  const usage = { ...head.usage, output_tokens: outputTokens };
  yield event('message_delta', { delta: { stop_reason: reply.stopReason, stop_sequence: null }, usage });
  yield event('message_stop', {});
}

/** The bytes of one server-sent event. */
export function encodeEvent({ event: name, data }: StreamEvent): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** What the API sends when it fails in the middle of a stream. */
export function errorEvent(type: string, message: string): StreamEvent {
  return event('error', { error: { type, message } });
}

/** What the API sends to keep a stream alive; carries nothing. */
export function pingEvent(): StreamEvent {
  return event('ping', {});
}

function event(name: string, data: Readonly<Record<string, unknown>>, delayMs = 0, isDelta = false): StreamEvent {
  return { event: name, data: { type: name, ...data }, delayMs, isDelta };
}

function openingOf(block: Block, toolId: string): Record<string, unknown> {
  if (block.kind === 'tool') return { type: 'tool_use', id: toolId, name: block.name, input: {} };
  if (block.kind === 'text') return { type: 'text', text: '' };
  return { type: 'thinking', thinking: '', signature: '' };
}

function* deltasOf(block: Block, index: number): Generator<StreamEvent> {
  const delta = (content: Readonly<Record<string, unknown>>, delayMs = 0): StreamEvent =>
    event('content_block_delta', { index, delta: content }, delayMs, true);
  if (block.kind === 'tool') {
    for (const piece of pieces(JSON.stringify(block.input))) yield delta({ type: 'input_json_delta', partial_json: piece });
    return;
  }
  for (const piece of block.pieces) {
    if (block.kind === 'text') yield delta({ type: 'text_delta', text: piece }, block.delayMs);
    else yield delta({ type: 'thinking_delta', thinking: piece }, block.delayMs);
  }
  if (block.kind === 'thinking') yield delta({ type: 'signature_delta', signature: THINKING_SIGNATURE });
}

function* pieces(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    // A surrogate pair stays whole: alone, its halves would not survive UTF-8.
    const end = at + INPUT_PIECE_CHARACTERS;
    const cut = /[\uD800-\uDBFF]/.test(text[end - 1] ?? '') ? end + 1 : end;
    yield text.slice(at, cut);
    at = cut;
  }
}
