// Reads the type of a line of the CLI without parsing the line, where its form allows that.

export type JsonObject = Readonly<Record<string, unknown>>;

export type Peek =
  | {
      readonly kind: 'message';
      readonly type: string;
      readonly subtype: string | undefined;
      /** The whole message, when finding the type took parsing it. */
      readonly parsed: JsonObject | undefined;
    }
  /** No JSON object with a type: something wrote into stdout that is not the CLI's protocol. */
  | { readonly kind: 'garbage' };

const GARBAGE: Peek = { kind: 'garbage' };
const NAME = /^[A-Za-z0-9_.-]{1,100}$/;
const HEAD = /^\{"type":"([A-Za-z0-9_.-]{1,100})"(?:,"subtype":"([A-Za-z0-9_.-]{1,100})"|(,"[^"\\]{1,100}":|\}))/;
const HEAD_BYTES = 340;
const CLOSING_BRACE = 0x7d;
/** Their meaning hangs on the subtype, so a head without one is not enough. */
const NEEDS_SUBTYPE = new Set(['system', 'result']);

/**
 * Fast where the line begins with its type, which is so for nearly all lines; `result` has it near the end and is parsed
 * (2.1.330). The look is anchored at the first byte, so a "type" inside a text or a nested object
 * cannot be taken for the line's own. Types nobody knows are messages too.
 */
export function peekMessage(line: Buffer): Peek {
  const head = HEAD.exec(line.toString('latin1', 0, HEAD_BYTES));
  const type = head?.[1];
  if (type === undefined || line.at(-1) !== CLOSING_BRACE) return parseAndLook(line);
  const subtype = head?.[2];
  if (subtype === undefined && NEEDS_SUBTYPE.has(type)) return parseAndLook(line);
  return { kind: 'message', type, subtype, parsed: undefined };
}

/** The message as an object: what the peek has parsed already, or the line parsed now; undefined when it is no JSON object. */
export function parseMessage(line: Buffer, peek: Peek): JsonObject | undefined {
  if (peek.kind === 'garbage') return undefined;
  return peek.parsed ?? parseObject(line);
}

function parseAndLook(line: Buffer): Peek {
  const parsed = parseObject(line);
  const type = parsed?.['type'];
  if (parsed === undefined || typeof type !== 'string' || !NAME.test(type)) return GARBAGE;
  const subtype = parsed['subtype'];
  return { kind: 'message', type, subtype: typeof subtype === 'string' ? subtype : undefined, parsed };
}

function parseObject(line: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
