// The lines of the CLI as the live view reads them: every field optional, anything unknown ignored.

/** A JSON object of which nothing is known. */
export type Loose = Readonly<Record<string, unknown>>;

/** The value when it is an object, else an empty one. */
export function object(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

/** The objects of an array; nothing when it is none. */
export function objects(value: unknown): Loose[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/** The value when it is a string, else undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The value when it is a finite number, else undefined. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The text of a content field: a string, or the text blocks of an array. */
export function contentText(content: unknown): string {
  return text(content) ?? objects(content).map((block) => text(block['text']) ?? '').join('\n');
}

/** True for messages of a subagent, which run inside a tool call. */
export function isInner(message: Loose): boolean {
  return typeof message['parent_tool_use_id'] === 'string';
}
