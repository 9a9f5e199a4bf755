import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compareEventIds } from '@runyard/domain';
import type { RunEvent } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { ApiClient } from './api-client.js';
import type { FollowOptions } from './follow.js';

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve).closeAllConnections())));
});

/** Answers the n-th request of a stream with the n-th of `plans`, and every later one with the last of them. */
async function streaming(...plans: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    plans[Math.min(requests.length, plans.length) - 1]?.(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return { client, requests, server };
}

function event(id: string, type = 'claude.assistant', data: unknown = { text: `é🚀\u2028 ${id}` }): RunEvent {
  return { id, run_id: 'run_1', ts: '2026-01-01T00:00:00.000Z', type, data };
}

const LOG: RunEvent[] = [event('0-1', 'run.queued'), ...[2, 3, 4, 5, 6].map((seq) => event(`1-${seq}`)), ...[7, 8, 9].map((seq) => event(`2-${seq}`)), event('2-10', 'run.finished')];

function frame({ id, type, ...rest }: RunEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, ...rest })}\n\n`;
}

function framesAfter(last: string | undefined): string {
  return LOG.filter(({ id }) => last === undefined || compareEventIds(id, last) > 0).map(frame).join('');
}

function lastEventId(request: IncomingMessage): string | undefined {
  return request.headers['last-event-id'] as string | undefined;
}

function open(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 1\n: hello\n\n');
}

const all = (request: IncomingMessage, response: ServerResponse): void => {
  open(response);
  response.end(framesAfter(lastEventId(request)));
};

async function collect(client: ApiClient, options: FollowOptions = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const one of client.follow('run_1', { retryMs: 1, ...options })) events.push(one);
  return events;
}

type Misbehaviour =
  | { kind: 'status'; status: number }
  | { kind: 'refuse' }
  | { kind: 'cut'; bytes: number; pieces: number; clean: boolean }
  | { kind: 'again'; from: number };

const misbehaviour: fc.Arbitrary<Misbehaviour> = fc.oneof(
  fc.record({ kind: fc.constant('status' as const), status: fc.constantFrom(503, 500, 502, 429) }),
  fc.record({ kind: fc.constant('refuse' as const) }),
  fc.record({ kind: fc.constant('cut' as const), bytes: fc.nat(1500), pieces: fc.integer({ min: 1, max: 40 }), clean: fc.boolean() }),
  fc.record({ kind: fc.constant('again' as const), from: fc.nat(LOG.length - 2) }),
);

function misbehave(plan: Misbehaviour) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (plan.kind === 'refuse') return void request.socket.destroy();
    if (plan.kind === 'status') return void response.writeHead(plan.status, { 'retry-after': '0' }).end();
    open(response);
    if (plan.kind === 'again') {
      const next = LOG.findIndex(({ id }) => id === lastEventId(request)) + 1;
      return void response.end(LOG.slice(Math.min(plan.from, next), -1).map(frame).join(''));
    }
    const bytes = Buffer.from(framesAfter(lastEventId(request))).subarray(0, plan.bytes);
    for (let at = 0; at < bytes.length; at += plan.pieces) response.write(bytes.subarray(at, at + plan.pieces));
    if (plan.clean) response.end();
    else response.write('', () => response.destroy());
  };
}

test('whatever is cut, refused or sent again, the same events come, each once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(misbehaviour, { maxLength: 6 }), async (plans) => {
      const { client, requests } = await streaming(...plans.map(misbehave), all);
      expect(await collect(client)).toEqual(LOG);
      expect(requests.length).toBeLessThanOrEqual(plans.length + 1);
    }),
    { numRuns: 60 },
  );
}, 120_000);

test('events that come again after a reconnect are dropped by their id', async () => {
  const { client } = await streaming(
    (_, response) => {
      open(response);
      response.end(LOG.slice(0, 5).map(frame).join(''));
    },
    (_, response) => {
      open(response);
      response.end([...LOG.slice(2, 7), ...LOG.slice(1, 3)].map(frame).join(''));
    },
    all,
  );
  expect(await collect(client)).toEqual(LOG);
});

test('a reconnect says where it was, and `after` is where it begins', async () => {
  const { client, requests } = await streaming(misbehave({ kind: 'cut', bytes: frame(LOG[3] as RunEvent).length * 2 + 5, pieces: 7, clean: false }), all);
  expect(await collect(client, { after: '1-3' })).toEqual(LOG.slice(3));
  expect(requests.map(lastEventId)).toEqual(['1-3', expect.stringMatching(/^1-[345]$/)]);
});

test('without partial text deltas=0 is asked for', async () => {
  const { client, requests } = await streaming(all);
  await collect(client, { deltas: false });
  expect(requests[0]?.url).toBe('/v1/runs/run_1/events?deltas=0');
});

test('204 ends it: there is nothing after that id', async () => {
  const { client, requests } = await streaming((_, response) => response.writeHead(204).end());
  expect(await collect(client, { after: '2-10' })).toEqual([]);
  expect(requests).toHaveLength(1);
});

test('it ends after run.finished even when the server keeps the connection, and lets go of it', async () => {
  let closed = false;
  const { client } = await streaming((request, response) => {
    open(response);
    response.write(framesAfter(undefined));
    request.socket.on('close', () => (closed = true));
  });
  expect(await collect(client)).toEqual(LOG);
  await waitFor(() => closed, { what: 'the connection to be closed' });
});

test.each([401, 403, 404, 400])('%i gives up', async (status) => {
  const { client, requests } = await streaming((_, response) => response.writeHead(status).end());
  await expect(collect(client)).rejects.toMatchObject({ name: 'ApiProblem', status });
  expect(requests).toHaveLength(1);
});

test('Retry-After of a 503 is waited for and told', async () => {
  const delays: number[] = [];
  const { client } = await streaming((_, response) => response.writeHead(503, { 'retry-after': '1' }).end(), all);
  expect(await collect(client, { onReconnect: ({ delayMs }) => delays.push(delayMs) })).toEqual(LOG);
  expect(delays).toEqual([1000]);
});

test('an abort ends the iteration without an error and closes the connection, also while it waits to reconnect', async () => {
  const controller = new AbortController();
  let closed = false;
  const { client } = await streaming((request, response) => {
    open(response);
    response.write(frame(LOG[0] as RunEvent));
    request.socket.on('close', () => (closed = true));
  });
  const events: RunEvent[] = [];
  for await (const one of client.follow('run_1', { signal: controller.signal })) {
    events.push(one);
    controller.abort();
  }
  expect(events).toEqual([LOG[0]]);
  await waitFor(() => closed, { what: 'the connection to be closed' });

  const waiting = new AbortController();
  const down = await streaming((_, response) => response.writeHead(503, { 'retry-after': '100' }).end());
  await collect(down.client, { signal: waiting.signal, onReconnect: () => waiting.abort() });
});

test('leaving the loop closes the connection', async () => {
  let closed = false;
  const { client } = await streaming((request, response) => {
    open(response);
    response.write(framesAfter(undefined).slice(0, -40));
    request.socket.on('close', () => (closed = true));
  });
  for await (const one of client.follow('run_1')) {
    expect(one).toEqual(LOG[0]);
    break;
  }
  await waitFor(() => closed, { what: 'the connection to be closed' });
});

test('a history that is gone is told, not passed over', async () => {
  const resets: unknown[] = [];
  const { client } = await streaming((_, response) => {
    open(response);
    response.end(`event: reset\ndata: {"id":"run_1","status":"running"}\n\n${LOG.slice(4).map(frame).join('')}`);
  });
  expect(await collect(client, { onReset: (run) => resets.push(run) })).toEqual(LOG.slice(4));
  expect(resets).toEqual([{ id: 'run_1', status: 'running' }]);
});

test('a history that is gone to the end is told once: the id of the reset is where we are then', async () => {
  const resets: unknown[] = [];
  const { client, requests } = await streaming(
    (_, response) => {
      open(response);
      response.end('id: 2-10\nevent: reset\ndata: {"id":"run_1","status":"succeeded"}\n\n');
    },
    (_, response) => response.writeHead(204).end(),
  );
  expect(await collect(client, { onReset: (run) => resets.push(run) })).toEqual([]);
  expect(resets).toHaveLength(1);
  expect(requests.map(lastEventId)).toEqual([undefined, '2-10']);
});

test('data that is not JSON is passed as text', async () => {
  const { client } = await streaming((_, response) => {
    open(response);
    response.end(`id: 1-2\nevent: claude.assistant\ndata: {broken\n\n${frame(LOG.at(-1) as RunEvent)}`);
  });
  expect((await collect(client))[0]).toMatchObject({ id: '1-2', type: 'claude.assistant', data: '{broken' });
});

test('a slow reader is not run over: the server feels it', async () => {
  const big = event('1-2', 'claude.assistant', { text: 'x'.repeat(1_000_000) });
  let written = 0;
  let isBlocked = false;
  const { client } = await streaming((_, response) => {
    open(response);
    const more = (): void => {
      isBlocked = false;
      while (written < 200 && !response.destroyed) {
        written += 1;
        isBlocked = !response.write(frame({ ...big, id: `1-${written + 1}` }));
        if (isBlocked) return void response.once('drain', more);
      }
    };
    more();
  });
  let before = -1;
  let looks = 0;
  for await (const one of client.follow('run_1')) {
    if (one.id !== '1-2') break;
    // The reader stands still: wait until the server does, too. A single look may fall between two drains.
    await waitFor(() => {
      looks = (isBlocked || written === 200) && written === before ? looks + 1 : 0;
      before = written;
      return looks === 15;
    }, { what: 'the server to stop writing' });
  }
  expect(written).toBeLessThan(60);
});
