// What is waited for, and what is not asked for ever.
import { readFile } from 'node:fs/promises';
import { RedisUnavailableError } from '@runyard/run-store';
import { test } from 'vitest';
import { untilAnswered } from './until-answered.js';

test.concurrent('Redis and disks are waited for, however long it takes', { timeout: 120_000 }, async ({ expect }) => {
  let asked = 0;
  const errors: unknown[] = [];
  const ask = async (): Promise<string> => {
    asked += 1;
    if (asked % 2 === 0) throw new RedisUnavailableError('Redis: away');
    if (asked < 11) await readFile('/does/not/exist');
    return 'answer';
  };
  expect(await untilAnswered(ask, (error) => errors.push(error))).toBe('answer');
  expect(errors).toHaveLength(10);
});

test.concurrent('an error that comes again and again for no reason outside is thrown', { timeout: 60_000 }, async ({ expect }) => {
  let asked = 0;
  const defect = new RangeError('script: no such field');
  const errors: unknown[] = [];
  await expect(untilAnswered(() => Promise.reject(++asked === 2 ? new RedisUnavailableError('Redis: away') : defect), (error) => errors.push(error))).rejects.toBe(defect);
  // The wait for Redis has begun the count again.
  expect([asked, errors.length]).toEqual([12, 11]);
});

test.concurrent('one that is over in time is answered, and nobody is asked after an abort', async ({ expect }) => {
  let asked = 0;
  expect(await untilAnswered(async () => (++asked < 4 ? Promise.reject(new RangeError('x')) : asked), () => undefined)).toBe(4);
  const abort = new AbortController();
  expect(await untilAnswered(() => Promise.reject(new RangeError('x')), () => abort.abort(), abort.signal)).toBeUndefined();
});
