// Tokens of answers that no result has counted yet, by model.
import type { Usage } from '@runyard/domain';
import { numberField, objectField, objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';
import { addUsage, readUsage } from './usage.js';

interface Answer {
  readonly model: string;
  readonly usage: Usage;
  /** Characters of its finished blocks. */
  readonly characters: number;
  /** Its last event was seen: its usage is final, and the next result counts it. */
  readonly ended: boolean;
}

const CHARACTERS_PER_TOKEN = 4;
/** In place of the id of a subagent's tool use. */
const CONVERSATION = '';
/** Of all partial output only these matter; the look spares parsing the rest. */
const BOUNDARY = /^\{"type":"stream_event","event":\{"type":"message_(start|delta)"/;
const HEAD_BYTES = 80;

/** Whether a `stream_event` begins or ends an answer. */
export function isAnswerBoundary(line: Buffer): boolean {
  return BOUNDARY.test(line.toString('latin1', 0, HEAD_BYTES));
}

/**
 * An answer tells its tokens up to three times: when it starts, with every finished block (the count of the output is that of the
 * start there), and when it ends. Each answer counts once, with the latest numbers; where its end is missing (it was cut off, it is
 * a subagent's, or partial output is not stored) its output is guessed from its length.
 */
export class UnpricedUsage {
  readonly #answers = new Map<string, Answer>();
  /** The answer that the stream of the conversation, or of a subagent's tool use, is in. */
  readonly #current = new Map<string, string>();

  get all(): Usage | null {
    return [...this.#answers.values()].reduce<Usage | null>((sum, answer) => addUsage(sum, tokensOf(answer)), null);
  }

  get byModel(): ReadonlyMap<string, Usage> {
    const sums = new Map<string, Usage>();
    for (const answer of this.#answers.values()) sums.set(answer.model, addUsage(sums.get(answer.model) ?? null, tokensOf(answer)));
    return sums;
  }

  /** `assistant` */
  assistant(message: JsonObject): void {
    const id = this.#note(objectField(message, 'message'));
    const answer = id === undefined ? undefined : this.#answers.get(id);
    if (id === undefined || answer === undefined) return;
    const blocks = objectsField(objectField(message, 'message'), 'content');
    const characters = blocks.reduce((sum, block) => sum + lengthOf(block), answer.characters);
    this.#answers.set(id, { ...answer, characters });
  }

  /** `stream_event`: its first and its last event count. */
  stream(message: JsonObject): void {
    const event = objectField(message, 'event');
    const owner = textField(message, 'parent_tool_use_id') ?? CONVERSATION;
    if (event?.['type'] === 'message_start') {
      const id = this.#note(objectField(event, 'message'));
      if (id !== undefined) this.#current.set(owner, id);
    }
    if (event?.['type'] === 'message_delta') this.#end(textField(message, 'api_message_id') ?? this.#current.get(owner), objectField(event, 'usage'));
  }

  /** `result`: counts all answers that have ended, and those that broke off and were asked for again; one that a subagent is still giving is counted by a later one. */
  result(): void {
    this.#current.delete(CONVERSATION);
    const open = new Set(this.#current.values());
    for (const [id, { ended }] of this.#answers) if (ended || !open.has(id)) this.#answers.delete(id);
  }

  #note(answer: JsonObject | undefined): string | undefined {
    const id = textField(answer, 'id');
    const usage = objectField(answer, 'usage');
    const model = textField(answer, 'model');
    if (id === undefined || usage === undefined || model === undefined || model === '<synthetic>') return undefined;
    // A block that is finished after the end of its answer was told repeats the numbers of its start.
    if (!this.#answers.has(id)) this.#answers.set(id, { model, usage: readUsage(usage), characters: 0, ended: false });
    return id;
  }

  #end(id: string | undefined, usage: JsonObject | undefined): void {
    const answer = id === undefined ? undefined : this.#answers.get(id);
    if (id === undefined || answer === undefined) return;
    const output_tokens = numberField(usage, 'output_tokens') ?? answer.usage.output_tokens;
    this.#answers.set(id, { ...answer, usage: { ...answer.usage, output_tokens }, ended: true });
    for (const [owner, current] of this.#current) if (current === id) this.#current.delete(owner);
  }
}

function tokensOf({ usage, characters, ended }: Answer): Usage {
  return ended ? usage : { ...usage, output_tokens: Math.max(usage.output_tokens, Math.ceil(characters / CHARACTERS_PER_TOKEN)) };
}

/** A block of text, of thinking, or a tool use. */
function lengthOf(block: JsonObject): number {
  const input = objectField(block, 'input');
  return (textField(block, 'text') ?? textField(block, 'thinking') ?? (input === undefined ? '' : JSON.stringify(input))).length;
}
