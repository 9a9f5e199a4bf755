// Idempotency-Key over several API processes, one of which dies while it answers: one run, one ticket, and everybody hears of it.
import type { Problem, Run, RunList } from '@runyard/domain';
import { httpCall, redisCommand, waitFor } from '@runyard/testing';
import type { HttpAnswer, TestApi } from '@runyard/testing';
import { expect, test, vi } from 'vitest';
import { apiProcesses } from '../api-processes.fixture.js';

vi.setConfig({ testTimeout: 120_000 }); // processes take their time on a busy machine

const KEY = 'key-for-the-idempotency-spec';

const stand = apiProcesses();

async function startProcess(): Promise<TestApi & { readonly at: string }> {
  const api = stand.start({ RUNYARD_API_KEY: KEY });
  return { ...api, at: await stand.ready(api, KEY) };
}

const tickets = async () => (await redisCommand(stand.redis.connection, 'ZRANGE', 'runyard:bull:runs:prioritized', '0', '-1')) as string[];

const post = (url: string, key: string, body: object): Promise<HttpAnswer> =>
  httpCall(url, '/v1/runs', { body, headers: { authorization: `Bearer ${KEY}`, 'idempotency-key': key } });

test('20 posts at once on three processes, one of them killed meanwhile: one run', async () => {
  const processes = await Promise.all([startProcess(), startProcess(), startProcess()]);
  const [doomed, ...left] = processes;
  const urls = processes.map(({ at }) => at);
  const body = { prompt: 'once', tags: ['idempotent'] };
  let answered = 0;
  /** As a client does it: whoever gets no answer asks the next process. */
  const ask = async (n: number): Promise<HttpAnswer> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await post(urls[(n + attempt) % urls.length] ?? '', 'one-key', body);
        if (++answered === 2) doomed?.kill('SIGKILL');
        return answer;
      } catch (error) {
        if (attempt > 5) throw error;
      }
    }
  };
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)));
  expect(await doomed?.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
  const ids = new Set(answers.map(({ json }) => (json as Run).id));
  expect(ids.size).toBe(1);
  const [id] = ids;
  for (const { at: url } of left) {
    const { data } = (await httpCall(url, '/v1/runs?tag=idempotent', { headers: { authorization: `Bearer ${KEY}` } })).json as RunList;
    expect(data.map((run) => run.id)).toEqual([id]);
    const again = await post(url, 'one-key', body);
    expect([again.status, again.headers['idempotent-replayed'], (again.json as Run).id]).toEqual([201, 'true', id]);
    const other = await post(url, 'one-key', { ...body, prompt: 'other' });
    expect([other.status, (other.json as Problem).code]).toEqual([422, 'idempotency_key_reused']);
  }
  await waitFor(async () => (await tickets()).length > 0, { what: 'the ticket', timeoutMs: 30_000 });
  expect(await tickets()).toEqual([`${id}.1`]);
  const events = await httpCall(left[0]?.at ?? '', `/v1/runs/${id}/events`, { headers: { authorization: `Bearer ${KEY}` } });
  expect((events.json as { data: { type: string }[] }).data.map(({ type }) => type)).toEqual(['run.queued']);
});

test('a process that dies between two creates of the same time loses no ticket: another one sends it', async () => {
  const [doomed, other] = await Promise.all([startProcess(), startProcess()]);
  const posts = Array.from({ length: 12 }, (_, n) =>
    post(n % 2 === 0 ? doomed.at : other.at, `many-${n}`, { prompt: 'x', tags: ['many'] }).then(
      ({ json }) => json as Run,
      () => undefined,
    ),
  );
  await Promise.race(posts);
  doomed.kill('SIGKILL');
  await Promise.all(posts);
  // Whoever got no answer asks again with the same key.
  const runs = await Promise.all(posts.map(async (_, n) => (await post(other.at, `many-${n}`, { prompt: 'x', tags: ['many'] })).json as Run));
  const { data } = (await httpCall(other.at, '/v1/runs?tag=many', { headers: { authorization: `Bearer ${KEY}` } })).json as RunList;
  expect(data.map(({ id }) => id).toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
  await waitFor(
    async () => {
      const sent = await tickets();
      return runs.every(({ id }) => sent.includes(`${id}.1`));
    },
    { what: 'a ticket for each run', timeoutMs: 60_000 },
  );
});
