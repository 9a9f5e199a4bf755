// What the demo model answers, before it is written as bytes: blocks in order, and why it stopped.

export type StopReason = 'end_turn' | 'tool_use' | 'max_tokens' | 'refusal';

/** Text or thinking, in the pieces it is streamed in. `delayMs` is waited before each piece. */
export interface ProseBlock {
  readonly kind: 'text' | 'thinking';
  readonly pieces: readonly string[];
  readonly delayMs: number;
}

/** A tool call. The CLI runs it and sends its result with the next request. */
export interface ToolBlock {
  readonly kind: 'tool';
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export type Block = ProseBlock | ToolBlock;

export interface Reply {
  readonly blocks: readonly Block[];
  readonly stopReason: StopReason;
  /** Waited before the first byte of the answer. */
  readonly startDelayMs?: number;
  /** Cuts the encoded stream into writes of this many bytes, through the middle of characters too. */
  readonly splitBytes?: number;
}

/** Cuts text after each run of white space, so that joined pieces are the text again. */
export function words(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? (text === '' ? [] : [text]);
}

/** Text streamed word by word. */
export function prose(text: string, delayMs = 0): ProseBlock {
  return { kind: 'text', pieces: words(text), delayMs };
}

/** A call of the tool `name`; `input` is sent as it is. */
export function toolCall(name: string, input: Readonly<Record<string, unknown>>): ToolBlock {
  return { kind: 'tool', name, input };
}

/** A reply that stops as the API does: for its tool calls if it has any, else because the turn is over. */
export function reply(...blocks: readonly Block[]): Reply {
  return { blocks, stopReason: blocks.some((block) => block.kind === 'tool') ? 'tool_use' : 'end_turn' };
}
