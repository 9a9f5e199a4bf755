// Finished logs: small ones in memory, large ones in a file, damaged ones never silently short.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StoredEvent } from './answers.js';
import { LogUnreadableError } from './errors.js';
import { logPath, readBlob, REDIS_BLOB_BYTES, writeLog } from './log-blob.js';

let directory: TemporaryDirectory;
let path: string;
let count = 0;

beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());
beforeEach(() => {
  path = logPath(directory.path, `run_${count++}`);
});

/** `bytes` of data that does not compress, and the last event. */
function* eventsOf(bytes: number): Generator<StoredEvent> {
  const ts = new Date(1_700_000_000_000).toISOString();
  let seq = 1;
  for (let left = bytes; left > 0; left -= 1000) {
    const noise = crypto.getRandomValues(new Uint8Array(Math.min(1000, left)));
    yield { id: `1-${seq++}`, ts, type: 'claude.user', data: Buffer.from(noise) };
  }
  yield { id: `1-${seq}`, ts, type: 'run.finished', data: Buffer.from('{}') };
}

async function* asynchronously(events: Iterable<StoredEvent>): AsyncGenerator<StoredEvent> {
  yield* events;
}

async function read(from: Buffer | string, after = ''): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of readBlob({ runId: 'run_x', from }, after)) events.push(event);
  return events;
}

test('a small log stays in memory', async () => {
  const events = [...eventsOf(500)];
  const blob = await writeLog(asynchronously(events), path);
  if (blob === 'file') throw new Error('expected a small blob');
  expect(await read(blob)).toEqual(events);
  await expect(readdir(directory.path)).resolves.toEqual([]);
});

test('a large log is a file, whole and alone in its directory, and can be read from any event on', async () => {
  const events = [...eventsOf(3 * REDIS_BLOB_BYTES)];
  expect(await writeLog(asynchronously(events), path)).toBe('file');
  expect(await readdir(join(path, '..'))).toEqual(['log.zst']);
  expect(await read(path)).toEqual(events);
  expect(await read(path, events[99]?.id)).toEqual(events.slice(100));
  expect(await read(path, '0-1')).toEqual(events);
  expect(await read(path, '9-1')).toEqual([]);
});

test('a writer that fails leaves nothing behind', async () => {
  async function* failing(): AsyncGenerator<StoredEvent> {
    yield* eventsOf(3 * REDIS_BLOB_BYTES);
    throw new Error('the source broke');
  }
  await expect(writeLog(failing(), path)).rejects.toThrow('the source broke');
  expect(await readdir(join(path, '..')).catch(() => [])).toEqual([]);
});

test('two writers at once both leave the whole log', async () => {
  const events = [...eventsOf(3 * REDIS_BLOB_BYTES)];
  await Promise.all([writeLog(asynchronously(events), path), writeLog(asynchronously(events), path)]);
  expect(await readdir(join(path, '..'))).toEqual(['log.zst']);
  expect(await read(path)).toEqual(events);
});

test('a reader that stops early lets go of the file', async () => {
  await writeLog(asynchronously(eventsOf(20 * REDIS_BLOB_BYTES)), path);
  const before = (await readdir('/proc/self/fd')).length;
  for (let i = 0; i < 50; i++) {
    for await (const event of readBlob({ runId: 'run_x', from: path }, '')) if (event.id === '1-2') break;
  }
  expect((await readdir('/proc/self/fd')).length).toBeLessThan(before + 25);
});

describe('damage', () => {
  beforeEach(async () => {
    await writeLog(asynchronously(eventsOf(3 * REDIS_BLOB_BYTES)), path);
  });
  const spoil = async (change: (bytes: Buffer) => Buffer) => writeFile(path, change(await readFile(path)));

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    ['cut off early', (bytes: Buffer) => bytes.subarray(0, 1000)],
    ['empty', () => Buffer.alloc(0)],
    ['not zstd', () => Buffer.from('this is no log')],
    ['one byte changed', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 70_000), Buffer.from([(bytes[70_000] ?? 0) ^ 1]), bytes.subarray(70_001)])],
  ])('%s', async (_, change) => {
    await spoil(change);
    const error = await read(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LogUnreadableError);
    expect(String(error)).toContain(path);
  });

  test('missing, or not a file', async () => {
    await rm(path);
    await expect(read(path)).rejects.toThrow(/run_x.*ENOENT.*RUNYARD_DATA_DIR/);
    await mkdir(path);
    await expect(read(path)).rejects.toThrow(LogUnreadableError);
  });

  test('a log that does not reach run.finished', async () => {
    const events = [...eventsOf(500)].slice(0, -1);
    const blob = await writeLog(asynchronously(events), path);
    await expect(read(blob as Buffer)).rejects.toThrow(/does not reach run.finished/);
  });
});
