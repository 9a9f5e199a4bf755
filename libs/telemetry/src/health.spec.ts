// Checks of the surroundings: what is measured, and when it is too little.
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { diskCheck, isHealthy, memoryCheck, size } from './health.js';

test('a disk is well while more than the least is free', async () => {
  expect(await diskCheck(tmpdir(), 1)).toEqual({ ok: true, detail: expect.stringMatching(/^[\d.]+ \w+ of [\d.]+ \w+ free$/) });
  expect(await diskCheck(tmpdir(), Number.MAX_SAFE_INTEGER)).toEqual({ ok: false, detail: expect.stringMatching(/free: free at least .*data directory/) });
});

test('a directory that is not there is not well', async () => {
  expect(await diskCheck('/nowhere/at/all')).toEqual({ ok: false, detail: 'the data directory cannot be looked at (ENOENT): check RUNYARD_DATA_DIR' });
});

test('memory is told with what this process has of it', () => {
  expect(memoryCheck()).toMatchObject({ detail: expect.stringMatching(/available; this process has [\d.]+ MiB/) });
});

test('only what is essential decides', () => {
  const [good, bad] = [{ ok: true, detail: '' }, { ok: false, detail: '' }];
  expect(isHealthy({ good, other: { ...bad, essential: false } })).toBe(true);
  expect(isHealthy({ good, bad })).toBe(false);
  expect(isHealthy({ bad: { ...bad, essential: true } })).toBe(false);
});

test.each([[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [1_572_864, '1.5 MiB'], [3 * 1024 ** 3, '3.0 GiB'], [5 * 1024 ** 5, '5120.0 TiB']])('%i bytes are %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});
