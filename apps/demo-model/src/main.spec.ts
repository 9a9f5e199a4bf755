// The demo model as a process, as other parts start it. Needs `npm run build`.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, '../dist/main.js');

function start(env: Readonly<Record<string, string>> = {}): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [main], { env: { PATH: process.env['PATH'] ?? '', ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function firstLine(child: ChildProcessWithoutNullStreams): Promise<Record<string, string>> {
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error('no line');
}

async function exitOf(child: ChildProcessWithoutNullStreams): Promise<readonly [number | null, string | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return [child.exitCode, child.signalCode];
}

test('prints one line when it is ready, on a loopback address, and serves there', async () => {
  const child = start();
  const line = await firstLine(child);
  expect(line).toEqual({ level: 'info', msg: 'demo model listening', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  expect((await fetch(`${line['url']}/v1/models`)).status).toBe(200);
});

test('SIGTERM ends it at once, in the middle of an answer, with code 0', async () => {
  const child = start();
  const { url } = await firstLine(child);
  const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: '[[slow n=1000]]' }] });
  const response = await fetch(`${url}/v1/messages`, { method: 'POST', body });
  child.kill('SIGTERM');
  expect(await exitOf(child)).toEqual([0, null]);
  await expect(response.text()).rejects.toThrow('terminated');
});

test('ends with the pipe to its parent only if asked to', async () => {
  const [bound, free] = [start({ RUNYARD_DEMO_PARENT_PIPE: '1' }), start()];
  const [, { url }] = await Promise.all([firstLine(bound), firstLine(free)]);
  bound.stdin.end();
  free.stdin.end();
  expect(await exitOf(bound)).toEqual([0, null]);
  expect((await fetch(`${url}/v1/models`)).status).toBe(200);
});

test('a taken port is one readable line and code 1', async () => {
  const first = start();
  const port = new URL((await firstLine(first))['url'] ?? '').port;
  const second = start({ RUNYARD_DEMO_PORT: port });
  expect(await firstLine(second)).toEqual({ level: 'error', msg: `demo model cannot listen on 127.0.0.1:${port}: EADDRINUSE` });
  expect(await exitOf(second)).toEqual([1, null]);
});

test('a wrong setting is told by name, without a stack trace', async () => {
  const child = start({ RUNYARD_DEMO_PORT: 'eighty' });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  await once(child, 'close');
  expect(child.exitCode).not.toBe(0);
  expect(stderr).toContain('RUNYARD_DEMO_PORT');
  expect(stderr).not.toMatch(/^\s+at /m);
});
