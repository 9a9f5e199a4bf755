// Three API processes: each knows of the others and their viewers, also when one is killed and one is stopped.
import type { Run, Status } from '@runyard/domain';
import { httpCall, httpOpen, startApiProcess, waitFor } from '@runyard/testing';
import type { TestApi } from '@runyard/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { KEY, onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const headers = { authorization: `Bearer ${KEY}` };
let stand: ApiStand;

onApiStand((made) => (stand = made));

async function replica(): Promise<{ readonly api: TestApi; readonly url: string }> {
  const env = { REDIS_URL: stand.redis.url, RUNYARD_DATA_DIR: stand.dir.path, RUNYARD_API_KEY: KEY, RUNYARD_METRICS_PORT: 'off' };
  const api = startApiProcess({ env, cwd: stand.dir.path });
  onTestFinished(async () => void (await api.end()));
  return { api, url: await api.url() };
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
  await killed.api.end('SIGKILL');
  await untilAllTell([api.url, stopped.url], '2 with 2');
  await stopped.api.end('SIGTERM');
  // Without waiting: it has left before it ended.
  expect(await told(api.url)).toBe('1 with 1');
  for (const stream of streams) stream.destroy();
});
