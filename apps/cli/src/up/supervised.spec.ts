import { createLogger } from '@runyard/telemetry';
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { Supervised } from './supervised.js';
import type { Ending, Running } from './supervised.js';

class Part implements Running {
  readonly asked: string[] = [];
  readonly #over = Promise.withResolvers<Ending>();
  readonly exited = this.#over.promise;
  readonly #obedient: boolean;

  constructor(obedient = true) {
    this.#obedient = obedient;
  }

  end(how: 'gently' | 'at once'): void {
    this.asked.push(how);
    if (this.#obedient || how === 'at once') this.crash('SIGTERM');
  }

  crash(how: string, final = false): void {
    this.#over.resolve({ how, final });
  }
}

function supervise(parts: readonly (Part | Error)[], graceMs = 60_000) {
  const log: string[] = [];
  const givenUp: string[] = [];
  let started = 0;
  const part = new Supervised({
    name: 'api',
    start: async () => {
      const next = parts[started];
      started += 1;
      if (!next) throw new Error('started once too often');
      if (next instanceof Error) throw next;
      return next;
    },
    log: createLogger({ name: 'test', level: 'info', destination: { write: (line) => log.push((JSON.parse(line) as { msg: string }).msg) } }),
    graceMs,
    onGivenUp: (reason) => givenUp.push(reason),
  });
  return { part, log, givenUp, started: () => started };
}

test('one that ends by itself is started again after the delay', async () => {
  const [first, second] = [new Part(), new Part()];
  const { part, log, started } = supervise([first, second]);
  await part.start();
  first.crash('exit code 1');
  await waitFor(() => started() === 2, { what: 'a second start' });
  expect(log).toEqual(['api ended by itself (exit code 1); starting it again in 2 s']);
  await part.stop();
  expect(second.asked).toEqual(['gently']);
});

test('a start that fails is told and tried again; the first one is thrown', async () => {
  const { part } = supervise([new Error('no port')]);
  await expect(part.start()).rejects.toThrow('no port');
  const [first, last] = [new Part(), new Part()];
  const again = supervise([first, new Error('no memory'), last]);
  await again.part.start();
  first.crash('exit code 1');
  await waitFor(() => again.log.includes('api ended by itself (it did not start); starting it again in 4 s'), { what: 'the failed start' });
  expect(again.log).toContain('no memory');
  await again.part.stop();
  expect([last.asked, again.started()]).toEqual([[], 2]);
});

test('one whose settings are wrong is given up', async () => {
  const only = new Part();
  const { part, givenUp, started } = supervise([only]);
  await part.start();
  only.crash('exit code 78', true);
  await waitFor(() => givenUp.length > 0, { what: 'giving up' });
  expect([givenUp, started()]).toEqual([['api cannot run (exit code 78)'], 1]);
  await part.stop();
});

test('one that does not end when asked is killed after its grace, or when it has to be now', async () => {
  const stubborn = new Part(false);
  const slow = supervise([stubborn], 20);
  await slow.part.start();
  await slow.part.stop();
  expect(stubborn.asked).toEqual(['gently', 'at once']);

  const killed = new Part(false);
  const other = supervise([killed]);
  await other.part.start();
  const stopped = other.part.stop();
  other.part.hurry();
  expect(killed.asked).toEqual(['gently', 'gently']);
  other.part.kill();
  await stopped;
  expect(killed.asked).toEqual(['gently', 'gently', 'at once']);
});
