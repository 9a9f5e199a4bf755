// Waiting for the end of a run, at servers that go away, refuse or take their time.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiClient } from '@runyard/api-client';
import { newId } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import { startHttpServer } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { Interrupted } from './exit-codes.js';
import { untilTerminal } from './until-terminal.js';

const run = { id: newId('run'), status: 'running' } as Run;
const signal = new AbortController().signal;

async function serve(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const asked: (string | string[] | undefined)[] = [];
  const { url, stop } = await startHttpServer((request, response) => {
    asked.push(request.headers['prefer']);
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response);
  });
  onTestFinished(stop);
  return { client: new ApiClient({ url, patienceMs: 0 }), asked };
}

const status = (word: string) => (_: IncomingMessage, response: ServerResponse) => void response.end(JSON.stringify({ ...run, status: word }));

test('a server that goes away and comes back is waited for', async () => {
  const { client, asked } = await serve((request) => void request.socket.destroy(), (_, response) => void response.writeHead(503).end(), status('succeeded'));
  expect((await untilTerminal(client, run, { signal })).status).toBe('succeeded');
  expect(asked).toEqual(['wait=60', 'wait=60', 'wait=60']);
});

test('a run that is over is not asked for', async () => {
  const { client, asked } = await serve(status('running'));
  expect((await untilTerminal(client, { ...run, status: 'failed' }, { signal })).status).toBe('failed');
  expect(asked).toEqual([]);
});

test('a run that waits for somebody is not over; the deadline ends waiting', async () => {
  const { client, asked } = await serve(status('waiting'));
  expect((await untilTerminal(client, run, { signal, deadlineMs: performance.now() + 2_500 })).status).toBe('waiting');
  expect(asked.length).toBeLessThanOrEqual(3);
});

test('a refusal and Ctrl-C end it at once', async () => {
  const { client } = await serve((_, response) => void response.writeHead(404).end());
  await expect(untilTerminal(client, run, { signal })).rejects.toMatchObject({ status: 404 });
  const controller = new AbortController();
  const hanging = await serve(() => controller.abort(new Interrupted('interrupted')));
  await expect(untilTerminal(hanging.client, run, { signal: controller.signal })).rejects.toThrow(Interrupted);
});
