// Memory of real processes: the run that takes too much is ended, its neighbour is not.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { RUN_MARK_ENV, sweep, treeMemoryBytes } from '@runyard/claude';
import { waitFor } from '@runyard/testing';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { watchMemory } from './memory-watch.js';
import { StopOrders } from './stop-orders.js';

const MEBIBYTE = 1024 * 1024;
const unique = `memory-watch-${process.pid}`;
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all([`${unique}-big`, `${unique}-small`].map((mark) => sweep(mark)));
});

/** A process of a run that starts another one, which holds so much memory. */
function hold(mark: string, mebibytes: number): void {
  const grandchild = `const b = Buffer.alloc(${mebibytes} * ${MEBIBYTE}, 1); setInterval(() => b.length, 1e6);`;
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'ignore' }); setInterval(() => undefined, 1e6);`;
  children.push(spawn(process.execPath, ['-e', parent], { env: { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: mark }, detached: true, stdio: 'ignore' }));
}

function watched(limitBytes: number) {
  const runs = new Map(['big', 'small'].map((id) => [id, { mark: `${unique}-${id}`, orders: new StopOrders() }]));
  const errors: unknown[] = [];
  onTestFinished(watchMemory({ active: { ids: () => [...runs.keys()], get: (id) => runs.get(id) }, limitBytes, onError: (error) => errors.push(error) }));
  return { runs, errors };
}

test('over the limit: ordered to end with a number; a neighbour below it goes on', { timeout: 90_000 }, async () => {
  const { runs, errors } = watched(400 * MEBIBYTE);
  hold(`${unique}-small`, 1);
  hold(`${unique}-big`, 500);
  const order = await waitFor(() => runs.get('big')?.orders.current, { what: 'the order', timeoutMs: 60_000 });
  expect(order.reason).toBe('out_of_memory');
  expect(order.message).toMatch(/used \d+\.\d MiB of memory together; RUNYARD_RUN_MEMORY_MB allows 400\.0 MiB/);
  expect(await treeMemoryBytes(`${unique}-small`)).toBeGreaterThan(10 * MEBIBYTE);
  expect(runs.get('small')?.orders.current).toBeUndefined();
  expect(errors).toEqual([]);
});

test('no limit: nothing is looked at', () => {
  expect(watchMemory({ active: { ids: () => { throw new Error('looked'); }, get: () => undefined }, limitBytes: 0, onError: () => undefined })()).toBeUndefined();
});
