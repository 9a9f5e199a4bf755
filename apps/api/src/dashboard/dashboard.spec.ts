// The queue dashboard: nobody gets in without the key, and nothing that is done there by hand changes or doubles a run.
import { runInNewContext } from 'node:vm';
import { newId } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import { RunConsumer } from '@runyard/run-queue';
import type { Ticket } from '@runyard/run-queue';
import { httpCall, redisCommand, waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { apiStand, KEY, SUCCEEDED } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const BASIC = { authorization: `Basic ${Buffer.from(`me:${KEY}`).toString('base64')}` };
const QUEUE = '/queues/api/queues/runs';

const stand = apiStand();
const { call, show } = stand;

beforeAll(() => stand.ready());
beforeEach(() => stand.redis.flush());

const put = (path: string): Promise<HttpAnswer> => call(path, { method: 'PUT' });

interface BoardTicket {
  readonly id: string;
  readonly name: string;
  readonly data: Ticket;
}
interface Board {
  readonly queues: readonly { readonly name: string; readonly isPaused: boolean; readonly counts: Record<string, number>; readonly jobs: readonly BoardTicket[] }[];
}

async function board(status = 'latest'): Promise<Board['queues'][number]> {
  const { json } = await call(`/queues/api/queues?activeQueue=runs&status=${status}&page=1&jobsPerPage=50`);
  const [queue] = (json as Board).queues;
  if (queue === undefined) throw new Error('the dashboard shows no queue');
  return queue;
}

const create = (fields: object = {}): Promise<Run> => stand.create({ prompt: 'a very private prompt', ...fields });

interface Work {
  /** Tickets taken, in order. */
  readonly taken: string[];
  /** Run ids of those that had an effect. */
  readonly claimed: string[];
  close(): Promise<void>;
}

/** What a worker does with tickets, without claude: claim, work until `until`, finish. */
function work(until: Promise<unknown> = Promise.resolve(), capacity = 4): Work {
  const [taken, claimed]: [string[], string[]] = [[], []];
  const workerId = newId('worker');
  const handle = async (ticket: Ticket): Promise<void> => {
    taken.push(`${ticket.runId}.${ticket.dispatch}`);
    const answer = await stand.worker.claim({ ...ticket, workerId });
    if (answer.kind !== 'claimed') return;
    claimed.push(ticket.runId);
    await until;
    await stand.worker.finish({ runId: ticket.runId, attempt: answer.run.attempt, workerId }, SUCCEEDED);
  };
  const consumer = RunConsumer.open({ redis: stand.redis.connection, capacity, handle });
  onTestFinished(() => consumer.close({ force: true }));
  return { taken, claimed, close: () => consumer.close({}) };
}

/** Keeps the API from looking at tickets until the end of the test. What it holds of the lead is over within 3 s. */
async function leadTickets(): Promise<{ readonly isOurs: () => Promise<boolean> }> {
  const key = 'runyard:leader:tickets';
  await redisCommand(stand.redis.connection, 'SET', key, 'this spec', 'PX', '600000');
  const since = performance.now();
  onTestFinished(async () => void (await redisCommand(stand.redis.connection, 'DEL', key)));
  await waitFor(() => performance.now() - since > 3_500, { what: 'the lead of the API to be over' });
  return { isOurs: async () => (await redisCommand(stand.redis.connection, 'GET', key)) === 'this spec' };
}

/** The dashboard cleans only what is older than some seconds. */
async function untilCleaned(): Promise<void> {
  const gone = async (): Promise<boolean> => {
    for (const state of ['wait', 'prioritized']) await put(`${QUEUE}/clean/${state}`);
    const { waiting = 0, prioritized = 0 } = (await board()).counts;
    return waiting + prioritized === 0;
  };
  await waitFor(gone, { what: 'the waiting tickets to be cleaned', timeoutMs: 60_000 });
}

describe('without a key', () => {
  const paths = [
    '/queues', '/queues/', '/queues/api/queues', '/queues/api/queues/', '//queues/api/queues', '/queues//api/queues', '/queues/./api/queues', '/queues/%61pi/queues', '/QUEUES/api/queues',
    '/queues/api/queues/runs/pause', '/queues/static/js/main.js', '/queues/api/queues?x=/livez', '/livez/../queues/api/queues', '/queues/queue/runs', '/queues;/api/queues', '/queues%2fapi%2fqueues', '/queues/api/redis/stats',
  ];
  test.each(paths)('%s is refused, whatever the method', async (path) => {
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS']) expect([method, (await httpCall(stand.api.url, path, { method })).status]).toEqual([method, 401]);
    for (const authorization of ['Basic', `Basic ${Buffer.from('me:wrong').toString('base64')}`, 'Bearer wrong']) {
      expect((await httpCall(stand.api.url, path, { headers: { authorization } })).status).toBe(401);
    }
  });

  test('nothing was paused by asking', async () => {
    expect((await httpCall(stand.api.url, `${QUEUE}/pause`, { method: 'PUT' })).status).toBe(401);
    expect((await board()).isPaused).toBe(false);
    expect((await put(`${QUEUE}/pause`)).status).toBe(200);
    expect((await board()).isPaused).toBe(true);
    expect((await httpCall(stand.api.url, `${QUEUE}/resume`, { method: 'PUT' })).status).toBe(401);
    expect((await board()).isPaused).toBe(true);
    expect((await put(`${QUEUE}/resume`)).status).toBe(200);
  });

  test('a browser is asked for the key, and pages of others cannot use it', async () => {
    expect((await httpCall(stand.api.url, '/queues')).headers['www-authenticate']).toMatch(/^Basic /);
    expect((await httpCall(stand.api.url, `${QUEUE}/pause`, { method: 'PUT' })).headers['www-authenticate']).toMatch(/^Basic /);
    for (const path of ['/queues', '/queues/api/queues', '/queues/queue/runs']) expect((await httpCall(stand.api.url, path, { headers: BASIC })).status).toBe(200);
    expect((await httpCall(stand.api.url, `${QUEUE}/pause`, { method: 'PUT', headers: { ...BASIC, origin: 'http://evil.example' } })).status).toBe(403);
    expect((await httpCall(stand.api.url, '/queues', { headers: { ...BASIC, host: 'evil.example' } })).status).toBe(403);
    expect((await board()).isPaused).toBe(false);
  });
});

describe('the page', () => {
  test('needs nothing from elsewhere, and all it needs is there', async () => {
    const { text, headers, status } = await call('/queues/');
    expect(status).toBe(200);
    expect(text).not.toMatch(/(src|href)=["']?(https?:)?\/\//);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(headers['x-frame-options']).toBe('DENY');
    const assets = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => `/queues/${path}`);
    expect(assets.length).toBeGreaterThan(4);
    for (const path of assets) expect([path, (await call(path)).status]).toEqual([path, 200]);
  });

  test('under an address that holds the key it opens itself again without it, before anything else is asked', async () => {
    const { text } = await call('/queues/');
    expect(/<script[^>]*src="([^"]+)"/.exec(text)?.[1]).toBe('static/plain-address.js');
    const script = await call('/queues/static/plain-address.js');
    expect(script.headers['content-type']).toMatch(/^text\/javascript/);
    // Node's Request refuses the same addresses as that of a browser.
    const opened = (address: string): string[] => {
      const [asked, { origin, pathname, search, hash }]: [string[], URL] = [[], new URL(address)];
      runInNewContext(script.text, { Request, document: { baseURI: new URL('/queues/', address).href }, location: { origin, pathname, search, hash, replace: (url: string) => void asked.push(url) } });
      return asked;
    };
    expect(opened(`http://me:${KEY}@localhost:8080/queues/queue/runs?status=latest#x`)).toEqual(['http://localhost:8080/queues/queue/runs?status=latest#x']);
    expect(opened('http://localhost:8080/queues/queue/runs')).toEqual([]);
  });

  test('a ticket has the id and the name of its run, and says nothing else about it', async () => {
    const [named, unnamed] = [await create({ name: 'nightly <b>check</b>' }), await create()];
    const { jobs } = await board();
    expect(new Map(jobs.map(({ id, name }) => [id, name]))).toEqual(new Map([[`${named.id}.1`, `${named.id} · nightly <b>check</b>`], [`${unnamed.id}.1`, unnamed.id]]));
    expect(jobs.map(({ data }) => Object.keys(data).toSorted())).toEqual([['dispatch', 'runId', 'v'], ['dispatch', 'runId', 'v']]);
    const one = await call(`${QUEUE}/${named.id}.1`);
    expect(one.json).toMatchObject({ job: { name: `${named.id} · nightly <b>check</b>` } });
    expect(one.text).not.toContain('private prompt');
  });

  test('an unknown path below it is not there', async () => {
    for (const path of ['/queues/nothing', '/queues/static/nothing.js', '/queues/package.json']) expect([path, (await call(path)).status]).toEqual([path, 404]);
    for (const path of ['/queues/static/../../package.json', '/queues/static/%2e%2e/%2e%2e/package.json', '/queues/static/..%2f..%2fpackage.json']) expect([403, 404]).toContain((await call(path)).status);
  });
});

describe('by hand', () => {
  test.each<[string, string, object]>([
    ['POST', `${QUEUE}/add`, { name: 'run', data: { v: 1, runId: 'run_x', dispatch: 1 }, options: {} }],
    ['PUT', `${QUEUE}/obliterate`, { force: true }],
    ['PUT', `${QUEUE}/concurrency`, { concurrency: 1 }],
    ['PUT', `${QUEUE}/rate-limit`, { max: 1, duration: 1000 }],
    ['PATCH', `${QUEUE}/ID/update-data`, { jobData: { v: 1, runId: 'run_x', dispatch: 9 } }],
    ['PATCH', `${QUEUE}/ID/priority`, { priority: 5 }],
    ['PATCH', `${QUEUE}/ID/delay`, { delay: 999_999 }],
  ])('%s %s is refused with a word about what to do instead', async (method, path, body) => {
    const { id } = await create();
    const before = await board();
    const answer = await call(path.replace('ID', `${id}.1`), { method, body });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('runyard command');
    expect(await board()).toEqual(before);
  });

  test('the ticket of a finished run that is retried or removed has no effect', async () => {
    // The API removes tickets of no use; this one is for a worker to take.
    const { isOurs } = await leadTickets();
    const run = await create();
    const worker = work();
    await waitFor(async () => (await show(run.id)).status === 'succeeded' && (await board('completed')).jobs.length === 1, { what: 'the run to end' });
    const before = await show(run.id);
    expect((await put(`${QUEUE}/${run.id}.1/retry`)).status).toBe(204);
    await waitFor(() => worker.taken.length === 2, { what: 'the ticket to be taken again' });
    await waitFor(async () => (await board('completed')).jobs.length === 1, { what: 'the ticket to be over' });
    expect((await put(`${QUEUE}/retry/completed`)).json).toEqual({ retried: 1, skipped: 0 });
    await waitFor(async () => worker.taken.length === 3 && (await board('completed')).jobs.length === 1, { what: 'the ticket to be over again' });
    expect(await isOurs()).toBe(true);
    expect(worker.claimed).toEqual([run.id]);
    expect(new Set(worker.taken)).toEqual(new Set([`${run.id}.1`]));
    expect((await put(`${QUEUE}/${run.id}.1/clean`)).status).toBe(204);
    expect((await board()).jobs).toEqual([]);
    expect(await show(run.id)).toEqual(before);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['removed', (id) => put(`${QUEUE}/${id}.1/clean`)],
    ['cleaned with all that wait', untilCleaned],
    ['emptied out with the queue', () => put(`${QUEUE}/empty`)],
  ])('a queued run whose ticket is %s gets it again and runs once', async (_, remove) => {
    const run = await create();
    await remove(run.id);
    const worker = work();
    await waitFor(async () => (await show(run.id)).status === 'succeeded', { what: 'the run to end', timeoutMs: 60_000 });
    await worker.close();
    expect(worker.claimed).toEqual([run.id]);
    expect(await show(run.id)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  test('thirty queued runs survive an emptied queue, each once', async () => {
    const runs = await Promise.all(Array.from({ length: 30 }, () => create()));
    expect((await put(`${QUEUE}/empty`)).status).toBeLessThan(300);
    const worker = work();
    await waitFor(async () => worker.claimed.length >= 30 && (await stand.worker.counts()).succeeded === 30, { what: 'all runs to end', timeoutMs: 60_000 });
    await worker.close();
    expect(worker.claimed.toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
  });

  test('a ticket that failed before the claim, retried by hand or not, is sent again', async () => {
    const run = await create();
    const broken = RunConsumer.open({ redis: stand.redis.connection, capacity: 1, handle: async () => Promise.reject(new Error('out of order')) });
    await waitFor(async () => (await board('failed')).jobs.length === 1, { what: 'the ticket to fail' });
    await broken.close({});
    const worker = work();
    await waitFor(async () => (await show(run.id)).status === 'succeeded', { what: 'the run to end', timeoutMs: 60_000 });
    expect(worker.claimed).toEqual([run.id]);
  });

  test('the ticket of a run that is under way cannot be taken from it', async () => {
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    onTestFinished(() => letGo());
    const run = await create();
    const worker = work(until, 1);
    await waitFor(() => worker.claimed.length === 1, { what: 'the claim' });
    await create();
    await untilCleaned(); // what waits was cleaned, so what is active is old enough to be cleaned as well
    for (const path of [`${QUEUE}/${run.id}.1/clean`, `${QUEUE}/${run.id}.1/retry`, `${QUEUE}/${run.id}.1/promote`, `${QUEUE}/clean/active`, `${QUEUE}/empty`, `${QUEUE}/promote`, `${QUEUE}/retry/failed`]) await put(path);
    expect(await show(run.id)).toMatchObject({ status: 'running', attempt: 1 });
    letGo();
    await waitFor(async () => (await show(run.id)).status === 'succeeded', { what: 'the run to end' });
    await worker.close();
    expect(worker.claimed.filter((id) => id === run.id)).toEqual([run.id]);
    expect(await show(run.id)).toMatchObject({ attempt: 1 });
  });
});

test('Redis away: a problem document at once, and the board again by itself', async () => {
  await stand.redis.kill();
  const away = await call('/queues/api/queues?activeQueue=runs');
  expect(away.json).toMatchObject({ status: 503, code: 'redis_unavailable' });
  expect(away.text).not.toMatch(/ECONN|\.sock/);
  expect((await call('/queues')).status).toBe(200);
  await stand.redis.restart();
  await waitFor(async () => (await call('/queues/api/queues')).status === 200, { what: 'the dashboard' });
});
