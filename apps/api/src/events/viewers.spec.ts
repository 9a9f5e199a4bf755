// What viewers cost: many of one run, or of all runs, ask no more of Redis than one.
import type { IncomingMessage } from 'node:http';
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { apiStand } from '../api-stand.fixture.js';

const MANY = 1_000;
const FLUSHES = 40;

const stand = apiStand();
const { viewers } = stand;

/** How often commands that only reading and subscribing need were called, and connections opened, since the server started. */
async function costs(): Promise<Record<string, number>> {
  const stats = String(await redisCommand(stand.redis.connection, 'INFO', 'commandstats'));
  const counted = ['xrange', 'subscribe', 'unsubscribe', 'psubscribe'].map((name) => [name, Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)]);
  const clients = String(await redisCommand(stand.redis.connection, 'CLIENT', 'LIST')).trim().split('\n').length;
  return Object.fromEntries([...counted, ['connections', clients]]);
}

const difference = (before: Record<string, number>, after: Record<string, number>) => Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));

/** Opens `count` streams, lets `work` happen, waits until each viewer has seen `mark`, leaves; answers what the work cost. */
async function watched(path: string, count: number, work: () => Promise<void>, mark: string): Promise<Record<string, number>> {
  const responses: IncomingMessage[] = [];
  // Those of a test that failed would count as viewers of the next one.
  const leave = (): void => responses.forEach((response) => response.destroy());
  onTestFinished(leave);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await stand.open(path, { headers: { accept: 'text/event-stream' } });
    responses.push(response);
    expect(response.statusCode).toBe(200);
    texts[i] = '';
    response.setEncoding('utf8').on('data', (text: string) => (texts[i] += text)).on('error', () => undefined);
  }
  await waitFor(async () => (await viewers()) === count && texts.every((text) => text !== ''), { what: 'every viewer', timeoutMs: 60_000 });
  const before = await costs();
  await work();
  await waitFor(() => texts.every((text) => text.includes(mark)), { what: 'every viewer to see the mark', timeoutMs: 60_000 });
  const cost = difference(before, await costs());
  leave();
  await waitFor(async () => (await viewers()) === 0, { what: 'every viewer to leave', timeoutMs: 60_000 });
  return cost;
}

const claimed = async () => stand.claim((await stand.create()).id);

const nothing = { xrange: 0, subscribe: 0, unsubscribe: 0, psubscribe: 0, connections: 0 };

test('live output of one run: no reads, no subscriptions, no connections beyond those of the first viewer', async () => {
  for (const count of [1, MANY]) {
    const lease = await claimed();
    const speak = async (): Promise<void> => {
      for (let n = 1; n <= FLUSHES; n++) {
        const events = [{ type: 'claude.stream_event' as const, data: `{"n":${n === FLUSHES ? '"the end"' : n}}` }];
        expect(await stand.worker.append(lease, n, events)).toMatchObject({ kind: 'appended' });
      }
    };
    expect(await watched(`/v1/runs/${lease.runId}/events`, count, speak, '"the end"')).toEqual(nothing);
  }
});

test('one subscription for all viewers of a run', async () => {
  const lease = await claimed();
  const before = await costs();
  await watched(`/v1/runs/${lease.runId}/events`, MANY, () => Promise.resolve(), 'run.started');
  expect(difference(before, await costs())).toMatchObject({ subscribe: 1, unsubscribe: 1, connections: 0 });
});

test('the events of all runs: the same', async () => {
  for (const count of [1, MANY]) {
    let last = '';
    const work = async (): Promise<void> => {
      for (let n = 0; n < FLUSHES; n++) {
        const answer = await stand.worker.create({ request: { prompt: 'go', name: `n${n}` }, trigger: 'api' });
        if (answer.kind === 'created') last = answer.run.id;
      }
      await stand.worker.appendFromOutside(last, { type: 'run.interrupted', data: `{"reason":"the end of ${count}"}` });
    };
    expect(await watched('/v1/events', count, work, `the end of ${count}"`)).toEqual(nothing);
  }
});
