// Reads the untyped replies of scripts.

/** @throws TypeError when the script answered something else: a defect */
export function listOf(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw new TypeError(`a script answered ${typeof reply} instead of a list`);
  return reply;
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  throw new TypeError(`a script answered ${typeof value} instead of a text`);
}

export function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new TypeError(`a script answered ${typeof value} instead of bytes`);
}

export function numberOf(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(textOf(value));
  if (!Number.isSafeInteger(number)) throw new TypeError(`a script answered ${String(value)} instead of an integer`);
  return number;
}

/** A flat list of names and values → a map. */
export function mapOf(reply: unknown): Map<string, string> {
  const flat = listOf(reply);
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(textOf(flat[i]), textOf(flat[i + 1]));
  return map;
}

export function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
