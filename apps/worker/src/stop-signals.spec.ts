// Being asked to end: once, twice at the same time, again later, and by a parent that is gone.
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { listenForStop } from './stop-signals.js';

function listen(parentPipe?: PassThrough) {
  const signals = new EventEmitter();
  const clock = { nowMs: 5000 };
  const stop = listenForStop({ signals, nowMs: () => clock.nowMs, ...(parentPipe ? { parentPipe } : {}) });
  return { signals, clock, state: () => [stop.drain.aborted, stop.hurry.aborted] };
}

test('the first signal drains, another one within a second is the same', () => {
  const { signals, clock, state } = listen();
  expect(state()).toEqual([false, false]);
  signals.emit('SIGTERM');
  expect(state()).toEqual([true, false]);
  clock.nowMs += 1000;
  signals.emit('SIGINT');
  expect(state()).toEqual([true, false]);
});

test('a later signal is in a hurry', () => {
  const { signals, clock, state } = listen();
  signals.emit('SIGINT');
  clock.nowMs += 1001;
  signals.emit('SIGINT');
  expect(state()).toEqual([true, true]);
});

test('a parent that is gone drains, and a signal afterwards is the first one', async () => {
  const pipe = new PassThrough();
  const { signals, state } = listen(pipe);
  pipe.end();
  await waitFor(() => state()[0], { what: 'the drain' });
  signals.emit('SIGTERM');
  expect(state()).toEqual([true, false]);
});
