// Identifiers: shape, order, and the way between session ids and the CLI's UUIDs.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ID_PREFIXES, idSchema, newId, newSessionId, sessionIdOf, sessionUuidOf } from './ids.js';
import type { IdKind } from './ids.js';

const KINDS = (Object.keys(ID_PREFIXES) as IdKind[]).filter((kind) => kind !== 'session');
const someTime = fc.integer({ min: 0, max: 2 ** 47 });

test.each(KINDS)('a new %s id fits the schema of its kind and of no other', (kind) => {
  const id = newId(kind);
  for (const other of Object.keys(ID_PREFIXES) as IdKind[]) {
    expect(idSchema(other).safeParse(id).success, other).toBe(other === kind);
  }
});

test('ids sort by the time they were made', () => {
  fc.assert(
    fc.property(someTime, someTime, (a, b) => {
      fc.pre(a !== b);
      expect(newId('run', a) < newId('run', b)).toBe(a < b);
    }),
  );
});

test('ids made in the same millisecond differ', () => {
  const ids = Array.from({ length: 10_000 }, () => newId('run', 1_800_000_000_000));
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(['', 'run_', 'run', 'RUN_01abc', 'run_01h', 'ses_1', 'run_01h0000000000000000000000\n', 'run_01i0000000000000000000000l', ' run_0000000000aaaaaaaaaaaaaaaa', 'run_0000000000aaaaaaaaaaaaaaaa:events'])(
  '%j is no id of a run',
  (text) => {
    expect(idSchema('run').safeParse(text).success).toBe(false);
  },
);

test('a session id and the UUID of the CLI name each other', () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      const id = sessionIdOf(uuid);
      expect(idSchema('session').safeParse(id).success).toBe(true);
      expect(sessionUuidOf(id)).toBe(uuid);
      expect(sessionIdOf(uuid.toUpperCase())).toBe(id);
    }),
  );
  expect(sessionUuidOf(newSessionId())).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test.each(['', 'ses_', 'ses_zz', 'run_0123456789abcdef0123456789abcdef', 'ses_0123456789abcdef0123456789abcde', 'ses_0123456789abcdef0123456789abcdef0'])(
  '%j has no UUID',
  (text) => {
    expect(() => sessionUuidOf(text)).toThrow(RangeError);
  },
);
