// Room on the disks: too little is told once, with what to do, and so is its return.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory, waitFor } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { DiskGuard } from './disk-guard.js';
import type { Free } from './disk-guard.js';

const MEBIBYTE = 1024 * 1024;

test('the places of this machine: enough, not enough, and not there', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const places = { 'data directory': directory.path };
  expect(await new DiskGuard({ places, minFreeBytes: 1 }).look()).toBeUndefined();
  const greedy = new DiskGuard({ places, minFreeBytes: Number.MAX_SAFE_INTEGER });
  expect(await greedy.look()).toMatch(/^the data directory has \d.* left, less than 8192\.0 TiB: free some, or lower RUNYARD_MIN_FREE_MB$/);
  expect(greedy.problem).toBeDefined();
  expect(await greedy.check()).toEqual({ ok: false, detail: expect.stringMatching(/^no runs are taken: the data directory has/) as string });
  const gone = new DiskGuard({ places: { ...places, 'temporary directory': join(directory.path, 'gone') }, minFreeBytes: 1 });
  expect(await gone.look()).toMatch(/^the temporary directory cannot be looked at: ENOENT/);
  await mkdir(join(directory.path, 'gone'));
  expect(await gone.check()).toEqual({ ok: true, detail: 'there is room for runs' });
  expect(gone.problem).toBeUndefined();
});

test('room for bytes is not enough where no file can be made; a file system without a limit of them has room', async () => {
  const look = (files: number | undefined) => new DiskGuard({ places: { 'data directory': 'a' }, minFreeBytes: 1, free: () => Promise.resolve({ bytes: 2, files }) }).look();
  expect(await look(999)).toBe('the data directory has room for 999 more files (inodes), less than 1000: remove some');
  expect([await look(1000), await look(undefined)]).toEqual([undefined, undefined]);
});

test('0 = never mind', async () => {
  const guard = new DiskGuard({ places: { 'data directory': '/does/not/exist' }, minFreeBytes: 0 });
  expect(await guard.look()).toBeUndefined();
  expect((await guard.check()).ok).toBe(true);
});

test('each change is told once, and by whichever place has less', { timeout: 60_000 }, async () => {
  const free: Record<string, number> = { a: 100, b: 100 };
  let looks = 0;
  const freeOf = (directory: string): Promise<Free> => Promise.resolve(((looks += 1), { bytes: (free[directory] ?? 0) * MEBIBYTE }));
  const guard = new DiskGuard({ places: { 'data directory': 'a', 'temporary directory': 'b' }, minFreeBytes: 50 * MEBIBYTE, free: freeOf });
  const told: string[] = [];
  onTestFinished(guard.watch({ onLow: (problem) => told.push(problem), onEnough: () => told.push('enough') }));
  const twoMoreLooks = async (): Promise<void> => {
    const until = looks + 4;
    await waitFor(() => looks >= until, { what: 'two more looks', timeoutMs: 20_000 });
  };
  await twoMoreLooks();
  expect(told).toEqual([]);
  free['b'] = 49;
  await twoMoreLooks();
  expect(told).toEqual([expect.stringContaining('the temporary directory has 49.0 MiB left, less than 50.0 MiB')]);
  free['b'] = 50;
  // Whoever looks is the first to know: a worker takes no more before it gives a run back.
  expect(await guard.look()).toBeUndefined();
  expect(told).toHaveLength(2);
  await twoMoreLooks();
  expect(told.slice(1)).toEqual(['enough']);
});
