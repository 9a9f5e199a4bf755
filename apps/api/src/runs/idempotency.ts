// Idempotency-Key: a request that is sent twice makes one run.
import { createHash } from 'node:crypto';
import { LIMITS, ProblemError } from '@runyard/domain';

/** The key of the header, or undefined without one. @throws ProblemError invalid_parameter */
export function idempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const pattern = new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.idempotencyKeyLength}}$`);
  if (typeof header === 'string' && pattern.test(header)) return header;
  const message = `must be 1 to ${LIMITS.idempotencyKeyLength} visible ASCII characters, such as a UUID`;
  throw new ProblemError('invalid_parameter', undefined, [{ field: 'Idempotency-Key', message }]);
}

/** Equal for bodies that mean the same: the order of keys and white space do not count. */
export function fingerprint(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
