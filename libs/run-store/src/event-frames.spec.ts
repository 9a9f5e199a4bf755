// Frames: every event comes out as it went in, however the bytes are cut.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredEvent } from './answers.js';
import { eventsOfFrames, FrameDecoder, frameOf } from './event-frames.js';
import { liveMessageOf } from './live-message.js';

const eventArbitrary: fc.Arbitrary<StoredEvent> = fc.record({
  id: fc.tuple(fc.nat(1e9), fc.integer({ min: 1, max: 1e15 })).map(([attempt, seq]) => `${attempt}-${seq}`),
  ts: fc.nat(2e12).map((ms) => new Date(ms).toISOString()),
  type: fc.oneof(fc.constant('run.started'), fc.string({ unit: 'grapheme' }).map((text) => `claude.${text}\n 1 2`)),
  data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

test('cut anywhere, the same events come out', () => {
  fc.assert(
    fc.property(fc.array(eventArbitrary, { maxLength: 12 }), fc.infiniteStream(fc.integer({ min: 1, max: 64 })), (events, sizes) => {
      const bytes = Buffer.concat(events.map(frameOf));
      const decoder = new FrameDecoder();
      const seen: StoredEvent[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value;
        seen.push(...decoder.push(bytes.subarray(at, at + size)));
        at += size;
      }
      decoder.end();
      expect(seen).toEqual(events);
    }),
  );
});

test('one event of 32 MiB in small chunks is copied a few times, not once per chunk', () => {
  const event: StoredEvent = { id: '1-1', ts: new Date(0).toISOString(), type: 'claude.user', data: Buffer.alloc(32 * 1024 * 1024, 'x') };
  const bytes = frameOf(event);
  const concat = Buffer.concat.bind(Buffer);
  let copied = 0;
  Buffer.concat = ((list: readonly Uint8Array[], length?: number) => {
    const all = concat(list, length);
    copied += all.length;
    return all;
  }) as typeof Buffer.concat;
  try {
    const decoder = new FrameDecoder();
    const seen: StoredEvent[] = [];
    for (let at = 0; at < bytes.length; at += 1024) seen.push(...decoder.push(bytes.subarray(at, at + 1024)));
    expect(seen).toHaveLength(1);
    expect(seen[0]?.data.equals(event.data)).toBe(true);
  } finally {
    Buffer.concat = concat;
  }
  expect(copied).toBeLessThan(3 * bytes.length);
});

describe('bytes that are no frames', () => {
  const frame = frameOf({ id: '1-1', ts: new Date(0).toISOString(), type: 'run.queued', data: Buffer.from('{}') });
  test.each([
    ['a cut-off event', frame.subarray(0, -1)],
    ['a cut-off head', Buffer.concat([frame, frame.subarray(0, 5)])],
    ['no head', Buffer.alloc(200, 'x')],
    ['a broken head', Buffer.from('1-0 0 1 1\nab')],
    ['a negative length', Buffer.from('1-1 0 -1 1\nab')],
  ])('%s', (_, bytes) => {
    expect(() => eventsOfFrames(bytes)).toThrow(RangeError);
  });

  test('a published message that cannot be read sends the follower to the log', () => {
    expect(liveMessageOf(Buffer.from(`F${frame.toString()}`))).toMatchObject({ lastId: '1-1', events: [{ type: 'run.queued' }] });
    expect(liveMessageOf(Buffer.from('R1-1 1-9'))).toMatchObject({ lastId: '1-9', events: undefined, end: false });
    expect(liveMessageOf(Buffer.from('R1-1 1-9 end'))).toMatchObject({ lastId: '1-9', end: true });
    for (const broken of ['', 'F', 'R', 'R1-1', 'R1-1 2', 'X1-1 1-2', 'Fnonsense']) expect(liveMessageOf(Buffer.from(broken))).toBeUndefined();
  });
});
