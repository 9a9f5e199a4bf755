import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { drain } from './drain.js';

const ENDED = Promise.resolve();

/** A pipe with these chunks in it that nobody ever closes, or that is closed after them. */
function pipe(chunks: readonly string[], { closed }: { closed: boolean }): Readable {
  const waiting = chunks.map((chunk) => Buffer.from(chunk));
  return new Readable({
    highWaterMark: 1,
    read() {
      const next = waiting.shift();
      if (next !== undefined || closed) this.push(next ?? null);
    },
  });
}

async function drained(stream: Readable, onChunk: (text: string) => void | Promise<void>, options: Parameters<typeof drain>[2]): Promise<void> {
  await drain(stream, (chunk) => onChunk(String(chunk)), options);
  expect(stream.destroyed).toBe(true);
}

test('the time that a consumer takes is not counted against the stream', async () => {
  const seen: string[] = [];
  const slow = async (text: string) => {
    await sleep(60);
    seen.push(text);
  };
  await drained(pipe(['a', 'b', 'c'], { closed: true }), slow, { ended: ENDED, graceMs: 50 });
  expect(seen.join('')).toBe('abc');
});

test('a pipe that nobody closes is given up once the process is gone, and not before', async () => {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const seen: string[] = [];
  let done = false;
  const reading = drained(pipe(['a'], { closed: false }), (text) => void seen.push(text), { ended, graceMs: 10 }).then(() => {
    done = true;
    return undefined;
  });
  // Begun later and with the same grace, for a process that is gone: once this is given up, the other would be as well.
  await drained(pipe(['b'], { closed: false }), (text) => void seen.push(text), { ended: ENDED, graceMs: 10 });
  expect([done, seen]).toEqual([false, ['a', 'b']]);
  end();
  await reading;
});

test('somebody else who goes on writing into the pipe of a dead process is cut off', async () => {
  const block = Buffer.alloc(1024 * 1024);
  const endless = new Readable({
    read() {
      setImmediate(() => this.push(block));
    },
  });
  let bytes = 0;
  await drained(endless, (text) => void (bytes += text.length), { ended: ENDED, graceMs: 600_000 });
  expect(bytes).toBeLessThan(64 * 1024 * 1024);
});

test('a stream that breaks has ended', async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error('EIO'));
    },
  });
  await drained(broken, () => undefined, { ended: new Promise(() => undefined) });
});

test('what the consumer throws is thrown, and the stream is let go', async () => {
  const stream = pipe(['a', 'b'], { closed: false });
  const bug = () => {
    throw new Error('a bug');
  };
  await expect(drain(stream, bug, { ended: ENDED })).rejects.toThrow('a bug');
  expect(stream.destroyed).toBe(true);
});
