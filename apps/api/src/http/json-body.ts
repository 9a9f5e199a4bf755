// Bytes of a request body → JSON value, refusing what would be changed or lost on its way through the system.
import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from '@runyard/domain';
import { fieldName } from './field-errors.js';

/** Deeper values are refused: functions that walk JSON by recursion must not run out of stack. */
export const MAX_JSON_DEPTH = 100;

/**
 * Parses UTF-8 JSON. Of two equal keys the last one counts, as everywhere in JavaScript. An empty body is `undefined`.
 * @throws ProblemError malformed_json, or invalid_request for lone surrogates, `__proto__` keys, numbers beyond a double, too deep nesting
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const value = parse(decode(bytes));
  checkValue(value);
  return value;
}

/** Bodies are read as they are, in UTF-8: one that says it is something else is refused, not read wrongly. @throws ProblemError unsupported_media_type */
export function demandPlainUtf8(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') throw unsupported('Content-Encoding', 'must be left out: send the body as it is');
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw unsupported('Content-Type', 'must have no charset but utf-8: send the body in UTF-8');
}

function unsupported(field: string, message: string): ProblemError {
  return new ProblemError('unsupported_media_type', undefined, [{ field, message }]);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ProblemError('malformed_json', 'The body is not UTF-8.');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Only the place: the rest of the message quotes the body, which may hold what must not reach a log.
    const place = /at position \d+ \(line \d+ column \d+\)/.exec(error instanceof Error ? error.message : '')?.[0];
    throw new ProblemError('malformed_json', place ? `The body is not JSON: it breaks ${place}.` : 'The body is not JSON.');
  }
}

interface Node {
  readonly value: unknown;
  readonly key: PropertyKey | undefined;
  readonly parent: Node | undefined;
  readonly depth: number;
}

function checkValue(root: unknown): void {
  const open: Node[] = [{ value: root, key: undefined, parent: undefined, depth: 0 }];
  for (let node = open.pop(); node; node = open.pop()) {
    const fault = faultOf(node);
    if (fault) throw new ProblemError('invalid_request', undefined, [{ field: fieldName(pathOf(node)) || 'body', message: fault }]);
    if (typeof node.value !== 'object' || node.value === null) continue;
    const entries = Array.isArray(node.value) ? node.value.entries() : Object.entries(node.value);
    for (const [key, value] of entries) open.push({ value, key, parent: node, depth: node.depth + 1 });
  }
}

function faultOf({ value, key, depth }: Node): string | undefined {
  if (depth > MAX_JSON_DEPTH) return `is nested more than ${MAX_JSON_DEPTH} levels deep: make it flatter`;
  if (key === '__proto__') return 'is a name that cannot be used: choose another one';
  if (typeof key === 'string' && !key.isWellFormed()) return 'has a name with half of a surrogate pair: send whole characters';
  if (typeof value === 'string' && !value.isWellFormed()) return 'has half of a surrogate pair: send whole characters';
  if (typeof value === 'number' && !Number.isFinite(value)) return 'is a number too large to be kept: give a smaller one';
  return undefined;
}

function pathOf(node: Node): PropertyKey[] {
  const path: PropertyKey[] = [];
  for (let here: Node | undefined = node; here; here = here.parent) {
    if (here.key !== undefined) path.unshift(typeof here.key === 'string' ? here.key.toWellFormed() : here.key);
  }
  return path.slice(0, 10);
}
