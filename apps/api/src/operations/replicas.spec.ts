// Three API processes: each knows of the others and their viewers, also when one is killed and one is stopped.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Run, Status } from '@runyard/domain';
import { freePort, httpCall, httpOpen, waitFor } from '@runyard/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KEY, onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const headers = { authorization: `Bearer ${KEY}` };
let stand: ApiStand;
const live: ChildProcess[] = [];

onApiStand((made) => (stand = made));
// A busy machine needs a while for its first connection to Redis.
beforeAll(() => access(MAIN).catch(() => { throw new Error('apps/api is not built: run npm run build'); }));
afterAll(async () => void (await Promise.all(live.map((child) => end(child, 'SIGKILL')))));

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function replica(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const port = String(await freePort());
  const env = { REDIS_URL: stand.redis.url, RUNYARD_PORT: port, RUNYARD_DATA_DIR: stand.dir.path, RUNYARD_API_KEY: KEY, RUNYARD_LOG_LEVEL: 'silent', RUNYARD_METRICS_PORT: 'off' };
  const child = spawn(process.execPath, [MAIN], { env, cwd: stand.dir.path, stdio: ['pipe', 'ignore', 'inherit'] });
  live.push(child);
  return { child, url: `http://127.0.0.1:${port}` };
}

const told = async (url: string): Promise<string> => {
  const answer = await httpCall(url, '/v1/status', { headers }).catch(() => undefined);
  if (answer?.status !== 200) return 'no answer';
  const { api, viewers } = answer.json as Status;
  return `${api.replicas} with ${viewers}`;
};
const untilAllTell = (urls: readonly string[], expected: string): Promise<unknown> =>
  waitFor(async () => (await Promise.all(urls.map(told))).every((text) => text === expected), { what: `all to tell: ${expected}`, timeoutMs: 60_000 });

test('one is there at once; three count each other and their viewers, one that is killed is forgotten, one that stops says so', async () => {
  const { api, call } = stand;
  expect(await told(api.url)).toBe('1 with 0');
  const [killed, stopped] = [await replica(), await replica()];
  const urls = [api.url, killed.url, stopped.url];
  await untilAllTell(urls, '3 with 0');
  const { id } = (await call('/v1/runs', { body: { prompt: 'x' } })).json as Run;
  const streams = await Promise.all(urls.map((url) => httpOpen(url, `/v1/runs/${id}/events`, { headers: { ...headers, accept: 'text/event-stream' } })));
  await untilAllTell(urls, '3 with 3');
  await end(killed.child, 'SIGKILL');
  await untilAllTell([api.url, stopped.url], '2 with 2');
  await end(stopped.child, 'SIGTERM');
  // Without waiting: it has left before it ended.
  expect(await told(api.url)).toBe('1 with 1');
  for (const stream of streams) stream.destroy();
});
