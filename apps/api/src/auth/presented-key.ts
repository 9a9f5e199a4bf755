// Reads and compares the key that a request presents.
import { createHash, timingSafeEqual } from 'node:crypto';

/** A key as it is kept for comparing: SHA-256, so that comparing takes the same time for every length. */
export type KeyDigest = Buffer;

export function digestOf(key: string): KeyDigest {
  return createHash('sha256').update(key, 'utf8').digest();
}

/** True when the Authorization header carries the key, as Bearer, or as the password of Basic where that is allowed. */
export function presentsKey(authorization: string | undefined, digest: KeyDigest, basicAllowed: boolean): boolean {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  const key = scheme.toLowerCase() === 'bearer' ? value : basicAllowed && scheme.toLowerCase() === 'basic' ? passwordOf(value) : undefined;
  return key !== undefined && timingSafeEqual(digestOf(key), digest);
}

function passwordOf(base64: string): string | undefined {
  const credentials = Buffer.from(base64, 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  return colon === -1 ? undefined : credentials.slice(colon + 1);
}
