// Idempotency-Key over several API processes, one of which dies while it answers: one run, one ticket, and everybody hears of it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import type { Problem, Run, RunList } from '@runyard/domain';
import { httpCall, redisCommand, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { HttpAnswer, TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 120_000 }); // processes take their time on a busy machine

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const KEY = 'key-for-the-idempotency-spec';
let redis: TestRedis;
let dir: TemporaryDirectory;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
  await access(MAIN).catch(() => {
    throw new Error('apps/api is not built: run npm run build');
  });
}, 300_000);
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  await redis?.stop();
  await dir?.remove();
});

async function startProcess(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const env = { REDIS_URL: redis.url, RUNYARD_PORT: '0', RUNYARD_DATA_DIR: `${dir.path}/data`, RUNYARD_API_KEY: KEY };
  const child = spawn(process.execPath, [MAIN], { cwd: dir.path, env, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const url = await waitFor(() => /"url":"(http:[^"]+)"/.exec(out)?.[1], { what: 'the API to listen', timeoutMs: 90_000 });
  return { url, child };
}

const post = (url: string, key: string, body: object): Promise<HttpAnswer> =>
  httpCall(url, '/v1/runs', { body, headers: { authorization: `Bearer ${KEY}`, 'idempotency-key': key } });

test('20 posts at once on three processes, one of them killed meanwhile: one run', async () => {
  const processes = await Promise.all([startProcess(), startProcess(), startProcess()]);
  const [doomed, ...left] = processes;
  const urls = processes.map(({ url }) => url);
  const body = { prompt: 'once', tags: ['idempotent'] };
  let answered = 0;
  /** As a client does it: whoever gets no answer asks the next process. */
  const ask = async (n: number): Promise<HttpAnswer> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await post(urls[(n + attempt) % urls.length] ?? '', 'one-key', body);
        if (++answered === 2) doomed?.child.kill('SIGKILL');
        return answer;
      } catch (error) {
        if (attempt > 5) throw error;
      }
    }
  };
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)));
  await waitFor(() => doomed?.child.signalCode === 'SIGKILL', { what: 'the process to be gone' });
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
  const ids = new Set(answers.map(({ json }) => (json as Run).id));
  expect(ids.size).toBe(1);
  const [id] = ids;
  for (const { url } of left) {
    const { data } = (await httpCall(url, '/v1/runs?tag=idempotent', { headers: { authorization: `Bearer ${KEY}` } })).json as RunList;
    expect(data.map((run) => run.id)).toEqual([id]);
    const again = await post(url, 'one-key', body);
    expect([again.status, again.headers['idempotent-replayed'], (again.json as Run).id]).toEqual([201, 'true', id]);
    const other = await post(url, 'one-key', { ...body, prompt: 'other' });
    expect([other.status, (other.json as Problem).code]).toEqual([422, 'idempotency_key_reused']);
  }
  const tickets = async () => (await redisCommand(redis.connection, 'ZRANGE', 'runyard:bull:runs:prioritized', '0', '-1')) as string[];
  await waitFor(async () => (await tickets()).length > 0, { what: 'the ticket', timeoutMs: 30_000 });
  expect(await tickets()).toEqual([`${id}.1`]);
  const events = await httpCall(left[0]?.url ?? '', `/v1/runs/${id}/events`, { headers: { authorization: `Bearer ${KEY}` } });
  expect((events.json as { data: { type: string }[] }).data.map(({ type }) => type)).toEqual(['run.queued']);
});

test('a process that dies between two creates of the same time loses no ticket: another one sends it', async () => {
  const [doomed, other] = await Promise.all([startProcess(), startProcess()]);
  const posts = Array.from({ length: 12 }, (_, n) =>
    post(n % 2 === 0 ? doomed.url : other.url, `many-${n}`, { prompt: 'x', tags: ['many'] }).then(
      ({ json }) => json as Run,
      () => undefined,
    ),
  );
  await Promise.race(posts);
  doomed.child.kill('SIGKILL');
  await Promise.all(posts);
  // Whoever got no answer asks again with the same key.
  const runs = await Promise.all(posts.map(async (_, n) => (await post(other.url, `many-${n}`, { prompt: 'x', tags: ['many'] })).json as Run));
  const { data } = (await httpCall(other.url, '/v1/runs?tag=many', { headers: { authorization: `Bearer ${KEY}` } })).json as RunList;
  expect(data.map(({ id }) => id).toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
  await waitFor(
    async () => {
      const tickets = (await redisCommand(redis.connection, 'ZRANGE', 'runyard:bull:runs:prioritized', '0', '-1')) as string[];
      return runs.every(({ id }) => tickets.includes(`${id}.1`));
    },
    { what: 'a ticket for each run', timeoutMs: 60_000 },
  );
});
