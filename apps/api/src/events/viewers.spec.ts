// What viewers cost: many of one run, or of all runs, ask no more of Redis than one.
import type { IncomingMessage } from 'node:http';
import { newId, Run } from '@runyard/domain';
import type { Status } from '@runyard/domain';
import type { Lease, RunStore } from '@runyard/run-store';
import { httpOpen, redisCommand, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { expect, test } from 'vitest';
import { KEY, onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';
import type { RunningApi } from '../start-api.js';

const MANY = 1_000;
const FLUSHES = 40;
let redis: TestRedis;
let api: RunningApi;
let worker: RunStore;
let call: ApiStand['call'];

onApiStand((stand) => ({ redis, api, worker, call } = stand));

const viewers = async (): Promise<number> => ((await call('/v1/status')).json as Status).viewers;

/** How often commands that only reading and subscribing need were called, and connections opened, since the server started. */
async function costs(): Promise<Record<string, number>> {
  const stats = String(await redisCommand(redis.connection, 'INFO', 'commandstats'));
  const counted = ['xrange', 'subscribe', 'unsubscribe', 'psubscribe'].map((name) => [name, Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)]);
  const clients = String(await redisCommand(redis.connection, 'CLIENT', 'LIST')).trim().split('\n').length;
  return Object.fromEntries([...counted, ['connections', clients]]);
}

const difference = (before: Record<string, number>, after: Record<string, number>) => Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));

/** Opens `count` streams, lets `work` happen, waits until each viewer has seen `mark`, leaves; answers what the work cost. */
async function watched(path: string, count: number, work: () => Promise<void>, mark: string): Promise<Record<string, number>> {
  const responses: IncomingMessage[] = [];
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await httpOpen(api.url, path, { headers: { authorization: `Bearer ${KEY}`, accept: 'text/event-stream' } });
    texts[i] = '';
    response.setEncoding('utf8').on('data', (text: string) => (texts[i] += text)).on('error', () => undefined);
    responses.push(response);
  }
  await waitFor(async () => (await viewers()) === count && texts.every((text) => text !== ''), { what: 'every viewer', timeoutMs: 60_000 });
  const before = await costs();
  await work();
  await waitFor(() => texts.every((text) => text.includes(mark)), { what: 'every viewer to see the mark', timeoutMs: 60_000 });
  const cost = difference(before, await costs());
  for (const response of responses) response.destroy();
  await waitFor(async () => (await viewers()) === 0, { what: 'every viewer to leave', timeoutMs: 60_000 });
  return cost;
}

async function claimed(): Promise<Lease> {
  const workerId = newId('worker');
  const { id } = (await call('/v1/runs', { body: { prompt: 'go' } })).json as Run;
  const answer = await worker.claim({ runId: id, dispatch: 1, workerId });
  if (answer.kind !== 'claimed') throw new Error('not claimed');
  return { runId: id, attempt: answer.run.attempt, workerId };
}

const nothing = { xrange: 0, subscribe: 0, unsubscribe: 0, psubscribe: 0, connections: 0 };

test('live output of one run: no reads, no subscriptions, no connections beyond those of the first viewer', async () => {
  for (const count of [1, MANY]) {
    const lease = await claimed();
    const speak = async (): Promise<void> => {
      for (let n = 1; n <= FLUSHES; n++) await worker.append(lease, n, [{ type: 'claude.stream_event', data: `{"n":${n === FLUSHES ? '"the end"' : n}}` }]);
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
        const answer = await worker.create({ request: { prompt: 'go', name: `n${n}` }, trigger: 'api' });
        if (answer.kind === 'created') last = answer.run.id;
      }
      await worker.appendFromOutside(last, { type: 'run.interrupted', data: `{"reason":"the end of ${count}"}` });
    };
    expect(await watched('/v1/events', count, work, `the end of ${count}"`)).toEqual(nothing);
  }
});
