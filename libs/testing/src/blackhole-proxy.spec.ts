// The proxy does what its modes say, in each direction, to open connections and to new ones.
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startBlackholeProxy, waitFor } from './index.js';
import type { ProxyMode } from './index.js';

/** A server that answers each chunk with `<chunk>!`, behind a proxy. */
async function stand(random?: () => number) {
  const heard: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.on('data', (text) => {
      heard.push(String(text));
      socket.write(`${String(text)}!`);
    });
    socket.on('end', () => socket.end('bye'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startBlackholeProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, ...(random ? { random } : {}) });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, heard };
}

async function connect(port: number) {
  const socket: Socket = createConnection(port, '127.0.0.1').setEncoding('utf8');
  const got = { text: '', error: undefined as NodeJS.ErrnoException | undefined };
  socket.on('data', (text) => (got.text += String(text)));
  socket.on('error', (error) => (got.error = error));
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect').catch(() => undefined);
  return { socket, got };
}

/** Long enough for everything that was sent to have arrived if nothing held it: a second client had its answer. */
async function roundTripElsewhere(): Promise<void> {
  const { proxy } = await stand();
  const { socket, got } = await connect(proxy.port);
  for (let round = 1; round <= 5; round += 1) {
    socket.write('x');
    await waitFor(() => got.text.length === round * 2, { what: 'the other answer' });
    await nextTurn();
  }
}

test('it passes everything, both ways and to the end', async () => {
  const { proxy } = await stand();
  const { socket, got } = await connect(proxy.port);
  socket.write('a');
  await waitFor(() => got.text === 'a!', { what: 'the answer' });
  expect(proxy.connections()).toBe(1);
  socket.end();
  await waitFor(() => got.text === 'a!bye', { what: 'the end of the other side' });
  await waitFor(() => proxy.connections() === 0, { what: 'the end of the connection' });
});

test('held bytes arrive when the silence is over, in each direction alone and in both', async () => {
  const cases: [ProxyMode, boolean][] = [
    [{ kind: 'hold' }, false],
    [{ kind: 'hold', direction: 'to_server' }, false],
    [{ kind: 'hold', direction: 'to_client' }, true],
  ];
  for (const [mode, serverHears] of cases) {
    const { proxy, heard } = await stand();
    const { socket, got } = await connect(proxy.port);
    proxy.set(mode);
    socket.write('a');
    if (serverHears) await waitFor(() => heard.length > 0, { what: 'the server to hear' });
    await roundTripElsewhere();
    expect([mode, heard.join(''), got.text]).toEqual([mode, serverHears ? 'a' : '', '']);
    proxy.set({ kind: 'pass' });
    await waitFor(() => got.text === 'a!', { what: 'the held answer' });
    expect(got.error).toBeUndefined();
  }
});

test('dropped bytes are gone, and the connection that lost them breaks when it is over; one that lost none does not', async () => {
  for (const direction of ['to_server', 'to_client'] as const) {
    const { proxy, heard } = await stand();
    const [loser, other] = [await connect(proxy.port), await connect(proxy.port)];
    await waitFor(() => proxy.connections() === 2, { what: 'two connections' });
    proxy.set({ kind: 'drop', direction });
    loser.socket.write('a');
    if (direction === 'to_client') await waitFor(() => heard.length > 0, { what: 'the server to hear' });
    await roundTripElsewhere();
    proxy.set({ kind: 'pass' });
    await waitFor(() => loser.got.error !== undefined, { what: 'the reset' });
    other.socket.write('b');
    await waitFor(() => other.got.text === 'b!', { what: 'the answer of the other' });
    expect([loser.got.text, loser.got.error?.code]).toEqual(['', 'ECONNRESET']);
    expect(heard.join('')).toBe(direction === 'to_client' ? 'ab' : 'b');
  }
});

test('a delay keeps order and loses nothing, and is as long as it says', async () => {
  const random = [1, 0, 0.5, 0];
  const { proxy } = await stand(() => random.shift() ?? 0);
  const { socket, got } = await connect(proxy.port);
  proxy.set({ kind: 'delay', fromMs: 20, toMs: 200, direction: 'to_server' });
  const sentAt = performance.now();
  socket.write('a');
  await nextTurn();
  socket.write('b');
  await waitFor(() => got.text.replaceAll('!', '') === 'ab', { what: 'both answers in order' });
  // The slowest one goes first; nothing may overtake it.
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(199);
});

test('refusing resets what is open and what comes, until it passes again', async () => {
  const { proxy } = await stand();
  const open = await connect(proxy.port);
  await waitFor(() => proxy.connections() === 1, { what: 'the connection' });
  proxy.set({ kind: 'refuse' });
  await waitFor(() => open.got.error?.code === 'ECONNRESET', { what: 'the reset' });
  const late = await connect(proxy.port);
  await waitFor(() => late.got.error?.code === 'ECONNRESET' || late.socket.destroyed, { what: 'the refusal' });
  proxy.set({ kind: 'pass' });
  const next = await connect(proxy.port);
  next.socket.write('a');
  await waitFor(() => next.got.text === 'a!', { what: 'the answer' });
});

test('when the server is gone the client is told', async () => {
  const proxy = await startBlackholeProxy({ target: { path: '/nonexistent/redis.sock' } });
  onTestFinished(() => proxy.close());
  const { socket, got } = await connect(proxy.port);
  await waitFor(() => got.error !== undefined || socket.destroyed, { what: 'the reset' });
});
