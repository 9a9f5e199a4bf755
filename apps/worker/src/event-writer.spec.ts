// The event writer: order, coalescing, repeated flushes, back-pressure, and the end of an attempt.
import type { Flush } from '@runyard/run-store';
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { EventWriter } from './event-writer.js';
import type { EventWriterOptions } from './event-writer.js';

/** Answers each flush by hand: `answer(0, …)` is the answer to the first one that was sent. */
function handStore(options: Pick<EventWriterOptions, 'bufferBytes' | 'lastBytes' | 'patienceMs' | 'isHeld' | 'onLeftOut'> = {}) {
  const sent: Flush[] = [];
  const answers: PromiseWithResolvers<{ kind: 'appended' | 'lost' }>[] = [];
  const errors: unknown[] = [];
  const lost: string[] = [];
  const writer = new EventWriter({
    append: (flush) => {
      sent.push(flush);
      const answer = Promise.withResolvers<{ kind: 'appended' | 'lost' }>();
      answers.push(answer);
      return answer.promise;
    },
    onLost: () => lost.push('lost'),
    onError: (error) => errors.push(error),
    ...options,
  });
  const flushes = () => sent.map((flush) => [flush.number, flush.events.map((event) => String(event.data))]);
  return { writer, flushes, errors, lost, answer: (index: number) => answers[index], sent };
}

/** What one event with this data counts for. */
const size = (data: string): number => data.length + 64;

test('the first event is sent at once, what comes meanwhile goes together', async () => {
  const { writer, flushes, answer, sent } = handStore();
  writer.write('log.stderr', '"a"');
  expect(flushes()).toEqual([[1, ['"a"']]]);
  writer.write('claude.assistant', Buffer.from('"b"'));
  writer.write('claude.result', '"c"');
  expect(sent).toHaveLength(1);
  answer(0)?.resolve({ kind: 'appended' });
  await waitFor(() => sent.length === 2, { what: 'the second flush' });
  expect(flushes()[1]).toEqual([2, ['"b"', '"c"']]);
  expect(sent[1]?.events.map((event) => event.type)).toEqual(['claude.assistant', 'claude.result']);
  answer(1)?.resolve({ kind: 'appended' });
  expect(await writer.close()).toBeUndefined();
});

test('a flush whose answer was lost is repeated with its number and nothing else', async () => {
  const { writer, flushes, answer, sent, errors } = handStore();
  writer.write('log.stderr', '1');
  writer.write('log.stderr', '2');
  answer(0)?.reject(new Error('connection reset'));
  await waitFor(() => sent.length === 2, { what: 'the repetition' });
  expect(flushes()).toEqual([[1, ['1']], [1, ['1']]]);
  expect(errors).toHaveLength(1);
  answer(1)?.resolve({ kind: 'appended' });
  await waitFor(() => sent.length === 3, { what: 'the next flush' });
  expect(flushes()[2]).toEqual([2, ['2']]);
});

test('close hands out what was not sent yet, with the next number', async () => {
  const { writer, answer, sent } = handStore();
  writer.write('log.stderr', '1');
  writer.write('log.stderr', '2');
  const rest = writer.close();
  answer(0)?.resolve({ kind: 'appended' });
  expect(await rest).toEqual({ number: 2, events: [{ type: 'log.stderr', data: '2' }] });
  writer.write('log.stderr', 'late');
  expect(sent).toHaveLength(1);
});

test('close sends a backlog as usual and hands out no more than one flush of it; what comes too late is dropped', async () => {
  const { writer, answer, sent } = handStore({ bufferBytes: Number.MAX_SAFE_INTEGER });
  for (let index = 0; index < 601; index += 1) writer.write('log.stderr', String(index));
  const rest = writer.close();
  writer.write('log.stderr', 'late');
  for (let index = 0; index < 3; index += 1) {
    await waitFor(() => sent.length > index, { what: `flush ${index + 1}` });
    answer(index)?.resolve({ kind: 'appended' });
  }
  const last = await rest;
  expect(sent.map((flush) => flush.events.length)).toEqual([1, 250, 100]);
  expect([last?.number, last?.events.length]).toEqual([4, 250]);
  const all = [...sent.flatMap((flush) => flush.events), ...(last?.events ?? [])];
  expect(all.map(({ data }) => data)).toEqual(Array.from({ length: 601 }, (_, index) => String(index)));
});

test('close does not wait for ever: it hands out everything, and says which flush may have arrived', async () => {
  const { writer, answer, sent, lost } = handStore({ bufferBytes: Number.MAX_SAFE_INTEGER, patienceMs: 20 });
  for (let index = 0; index < 300; index += 1) writer.write('log.stderr', String(index));
  const rest = await writer.close();
  expect(sent).toHaveLength(1);
  expect(rest?.unconfirmed).toEqual(sent[0]);
  expect([rest?.number, rest?.events.length]).toEqual([2, 299]);
  expect(rest?.events.map(({ data }) => Number(data))).toEqual(Array.from({ length: 299 }, (_, index) => index + 1));
  // Its command arrived after the end of the attempt: nobody is told of a loss.
  answer(0)?.resolve({ kind: 'lost' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(lost).toEqual([]);
});

test('close of an idle writer has nothing to hand out', async () => {
  expect(await handStore().writer.close()).toBeUndefined();
});

test('a lost attempt ends everything: no more flushes, no more waiting', async () => {
  const { writer, answer, sent, lost } = handStore({ bufferBytes: size('1234') });
  writer.write('log.stderr', '1234');
  const room = writer.write('log.stderr', '5678');
  expect(room).toBeInstanceOf(Promise);
  answer(0)?.resolve({ kind: 'lost' });
  await room;
  expect(lost).toEqual(['lost']);
  expect(writer.write('log.stderr', '9')).toBeUndefined();
  expect(await writer.close()).toBeUndefined();
  expect(sent).toHaveLength(1);
});

test('above the buffer limit the caller waits until half of it is free', async () => {
  const { writer, answer, sent } = handStore({ bufferBytes: 2 * size('12345') });
  expect(writer.write('log.stderr', '12345')).toBeUndefined();
  expect(writer.write('log.stderr', '67890')).toBeUndefined();
  const room = writer.write('log.stderr', 'x');
  expect(room).toBeInstanceOf(Promise);
  let free = false;
  void room?.then(() => (free = true));
  answer(0)?.resolve({ kind: 'appended' });
  await waitFor(() => sent.length === 2, { what: 'the second flush' });
  expect(free).toBe(false);
  answer(1)?.resolve({ kind: 'appended' });
  await room;
});

test('a flush is bounded: a huge backlog goes in several, in order', async () => {
  const { writer, answer, sent, flushes } = handStore({ bufferBytes: Number.MAX_SAFE_INTEGER });
  const line = 'x'.repeat(300_000);
  writer.write('log.stderr', 'first');
  for (let index = 0; index < 10; index += 1) writer.write('log.stderr', `${index}${line}`);
  for (let index = 0; index < 4; index += 1) {
    answer(index)?.resolve({ kind: 'appended' });
    await waitFor(() => index === 3 || sent.length > index + 1, { what: `flush ${index + 2}` });
  }
  expect(sent.map((flush) => flush.events.length)).toEqual([1, 4, 4, 2]);
  const digits = flushes().flatMap(([, events]) => (events as string[]).map((event) => event.slice(0, 1)));
  expect(digits.join('')).toBe('f0123456789');
});

test('after stop nobody waits for a store that is silent', async () => {
  const { writer } = handStore();
  writer.write('log.stderr', '1');
  writer.write('log.stderr', '2');
  writer.stop();
  expect(await writer.close()).toBeUndefined();
});

test('stop ends the repetitions of a flush that never gets an answer', async () => {
  const { writer, answer, errors } = handStore();
  writer.write('log.stderr', '1');
  answer(0)?.reject(new Error('gone'));
  await waitFor(() => errors.length === 1, { what: 'the first error' });
  writer.stop();
  expect(await writer.close()).toBeUndefined();
});

test('when the lease is over nothing is taken any more, nothing is sent, and what was sent does not count as written', async () => {
  let held = true;
  const { writer, answer, sent } = handStore({ isHeld: () => held });
  writer.write('log.stderr', '1');
  writer.write('log.stderr', '2');
  const flushed = writer.flushed();
  held = false;
  writer.write('log.stderr', '3');
  answer(0)?.resolve({ kind: 'appended' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent.map((flush) => flush.events.length)).toEqual([1]);
  writer.stop();
  expect(await flushed).toBe(false);
});

test('a run that has to end is heard again: as soon as it is said, more may wait', async () => {
  const { writer, sent } = handStore({ bufferBytes: size('1'), lastBytes: 3 * size('1') });
  writer.write('claude.user', '1');
  const room = writer.write('claude.user', '2');
  expect(room).toBeInstanceOf(Promise);
  writer.hasten();
  await room;
  expect(writer.write('claude.user', '3')).toBeUndefined();
  expect(writer.write('claude.user', '4')).toBeInstanceOf(Promise);
  expect(sent).toHaveLength(1);
});

test('a run that has to end while the store takes nothing: streamed text is left out first, then what is too much, and the log says so', async () => {
  const leftOut: unknown[] = [];
  const { writer, sent } = handStore({ bufferBytes: size('1'), lastBytes: 4 * size('1'), patienceMs: 20, onLeftOut: (what) => leftOut.push(what) });
  writer.write('claude.user', '1');
  writer.write('claude.stream_event', '2');
  const flushed = writer.flushed();
  writer.hasten();
  for (const data of ['3', '4']) expect(writer.write('claude.user', data)).toBeUndefined();
  // The fifth: there is room for it without the text.
  expect(writer.write('claude.user', '5')).toBeUndefined();
  expect(writer.write('claude.stream_event', '6')).toBeUndefined();
  const room = writer.write('claude.user', '7');
  expect(room).toBeInstanceOf(Promise);
  await room;
  expect(writer.write('claude.user', '8')).toBeUndefined();
  expect(writer.write('run.interrupted', '9')).toBeUndefined();
  const last = await writer.close();
  expect(await flushed).toBe(false);
  expect(last?.unconfirmed).toEqual(sent[0]);
  expect(last?.events.map(({ data }) => String(data).slice(0, 30))).toEqual(['3', '4', '5', '7', '9', '{"text":"[3 lines of the CLI, ']);
  expect(leftOut).toEqual([{ events: 3, bytes: 3 }]);
  expect(sent).toHaveLength(1);
});

test('a store that takes its time gets everything, also from a run that has to end', async () => {
  const leftOut: unknown[] = [];
  const { writer, answer, sent } = handStore({ bufferBytes: size('1'), lastBytes: 2 * size('1'), onLeftOut: (what) => leftOut.push(what) });
  writer.hasten();
  for (const data of ['1', '2']) expect(writer.write('claude.user', data)).toBeUndefined();
  const room = writer.write('claude.user', '3');
  answer(0)?.resolve({ kind: 'appended' });
  await waitFor(() => sent.length === 2, { what: 'the second flush' });
  answer(1)?.resolve({ kind: 'appended' });
  await room;
  expect(await writer.flushed()).toBe(true);
  expect(await writer.close()).toBeUndefined();
  expect([sent.flatMap(({ events }) => events.map(({ data }) => data)), leftOut]).toEqual([['1', '2', '3'], []]);
});

test('what the store refuses again and again is given up, told once, and not carried along', { timeout: 60_000 }, async () => {
  const defects: unknown[] = [];
  const lost: string[] = [];
  let asked = 0;
  const append = (): Promise<never> => Promise.reject(new RangeError(`refused ${++asked}`));
  const writer = new EventWriter({ append, onLost: () => lost.push('lost'), onDefect: (error) => defects.push(error) });
  writer.write('claude.assistant', '"a"');
  expect(await writer.flushed()).toBe(false);
  expect(defects).toEqual([new RangeError('refused 10')]);
  writer.write('claude.assistant', '"b"');
  expect([await writer.close(), lost, asked]).toEqual([undefined, [], 10]);
});
