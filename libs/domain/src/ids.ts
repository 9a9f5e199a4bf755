// Prefixed, time-ordered identifiers.
import { z } from 'zod';

/** What an id names; the prefix is part of the id. */
export const ID_PREFIXES = {
  run: 'run',
  session: 'ses',
  schedule: 'sch',
  file: 'file',
  key: 'key',
  request: 'req',
  worker: 'wrk',
  hook: 'hook',
  input: 'inp',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;

/**
 * A new id: prefix, 10 characters of milliseconds since 1970, 16 of randomness, so ids sort by the time they were made.
 * Sessions are the exception (see {@link sessionIdOf}): Claude wants a UUID there.
 */
export function newId(kind: Exclude<IdKind, 'session'>, nowMs: number = Date.now()): string {
  let time = '';
  for (let rest = nowMs, i = 0; i < TIME_LENGTH; i++, rest = Math.floor(rest / 32)) {
    time = ALPHABET[rest % 32] + time;
  }
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(RANDOM_LENGTH));
  const random = Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('');
  return `${ID_PREFIXES[kind]}_${time}${random}`;
}

/** A schema for ids of one kind, as {@link newId} makes them; those of schedules are chosen by whoever puts the schedule. */
export function idSchema(kind: IdKind): z.ZodString {
  const prefix = ID_PREFIXES[kind];
  if (kind === 'session') {
    return z.string().regex(/^ses_[0-9a-f]{32}$/, 'must look like ses_ and 32 hexadecimal digits');
  }
  if (kind === 'schedule') {
    return z.string().regex(/^sch_[a-z0-9][a-z0-9_-]{0,63}$/, 'must be sch_ and 1 to 64 of a-z, 0-9, _ and -, such as sch_nightly-report');
  }
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[${ALPHABET}]{${TIME_LENGTH + RANDOM_LENGTH}}$`), `must be an id that begins with ${prefix}_`);
}

/** A new session id; its digits are the UUID the CLI knows the session by. */
export function newSessionId(): string {
  return sessionIdOf(globalThis.crypto.randomUUID());
}

/** The session id of a CLI session: `ses_` and the UUID without dashes. */
export function sessionIdOf(uuid: string): string {
  return `ses_${uuid.replaceAll('-', '').toLowerCase()}`;
}

/** The UUID by which the CLI knows a session. @throws RangeError when it is no session id */
export function sessionUuidOf(sessionId: string): string {
  const match = /^ses_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(sessionId);
  if (!match) throw new RangeError(`not a session id: ${sessionId}`);
  return match.slice(1).join('-');
}
