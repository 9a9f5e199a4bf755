// Finished logs: frames compressed with zstd, small ones in memory (for Redis), larger ones in a file.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { compareEventIds } from '@runyard/domain';
import type { StoredEvent } from './answers.js';
import { DurableFile } from './durable-file.js';
import { LogUnreadableError } from './errors.js';
import { FrameDecoder, frameOf } from './event-frames.js';

/** Blobs up to this size stay in Redis. */
export const REDIS_BLOB_BYTES = 64 * 1024;

const WRITE_BYTES = 64 * 1024;

/** Directory of everything that belongs to one run. */
export function runDirectory(dataDir: string, runId: string): string {
  return join(dataDir, 'runs', runId);
}

export function logPath(dataDir: string, runId: string): string {
  return join(runDirectory(dataDir, runId), 'log.zst');
}

/** A part of the log of a live run that was moved out of Redis: the n-th, from 1, up to an event id. */
export function partPath(dataDir: string, runId: string, part: LogPartName): string {
  return join(runDirectory(dataDir, runId), `log-part-${part.number}-${part.lastId}.zst`);
}

/** The names of such files, and what a writer leaves that was ended in the middle. */
export const PART_FILE = /^log-part-\d+-\d+-\d+\.zst(\.|$)/;

export interface LogPartName {
  readonly number: number;
  readonly lastId: string;
}

/**
 * Compresses events. Answers the blob, or `file` when it was larger than `smallBytes` and now is, durably, at `path`.
 * Memory stays bounded by the largest event. Two writers at once are no problem: each renames its own whole file.
 */
export async function writeLog(events: AsyncIterable<StoredEvent>, path: string, smallBytes = REDIS_BLOB_BYTES): Promise<Buffer | 'file'> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } });
  pipeline(Readable.from(frames(events), { objectMode: false }), compress, () => {}); // its error ends the loop below
  const small: Buffer[] = [];
  let size = 0;
  let file: DurableFile | undefined;
  try {
    for await (const chunk of compress as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (file === undefined) small.push(chunk);
      else await file.handle.writeFile(chunk);
      if (file === undefined && size > smallBytes) {
        file = await DurableFile.create(path);
        await file.handle.writeFile(Buffer.concat(small.splice(0)));
      }
    }
    await file?.keep();
    return file === undefined ? Buffer.concat(small) : 'file';
  } finally {
    await file?.close();
  }
}

/** Many frames at a time: each write to the compressor is a task of its own. */
async function* frames(events: AsyncIterable<StoredEvent>): AsyncGenerator<Buffer> {
  let some: Buffer[] = [];
  let bytes = 0;
  for await (const event of events) {
    const frame = frameOf(event);
    some.push(frame);
    bytes += frame.length;
    if (bytes < WRITE_BYTES) continue;
    yield Buffer.concat(some);
    [some, bytes] = [[], 0];
  }
  yield Buffer.concat(some);
}

export interface LogSource {
  readonly runId: string;
  /** The blob, or the path of the file that holds it. */
  readonly from: Buffer | string;
}

/**
 * The events of a finished log after the event id `after` ('' = all), in order.
 * @throws LogUnreadableError when it is missing, damaged or does not reach run.finished
 */
export function readBlob(source: LogSource, after: string): AsyncGenerator<StoredEvent> {
  return readFrames(source, after, (last) => last?.type === 'run.finished' || 'it does not reach run.finished');
}

/** The same for a part that was moved out of Redis. @throws LogUnreadableError when it is missing, damaged or does not reach its last id */
export function readPart(dataDir: string, runId: string, part: LogPartName, after: string): AsyncGenerator<StoredEvent> {
  const from = partPath(dataDir, runId, part);
  return readFrames({ runId, from }, after, (last) => last?.id === part.lastId || `it does not reach event ${part.lastId}`);
}

async function* readFrames(source: LogSource, after: string, isWhole: (last: StoredEvent | undefined) => true | string): AsyncGenerator<StoredEvent> {
  const input = typeof source.from === 'string' ? createReadStream(source.from) : Readable.from([source.from]);
  const bytes = pipeline(input, createZstdDecompress(), () => {}); // its error ends the loop below
  const decoder = new FrameDecoder();
  let last: StoredEvent | undefined;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      for (const event of decoder.push(chunk)) {
        last = event;
        if (after === '' || compareEventIds(event.id, after) > 0) yield event;
      }
    }
    decoder.end();
    const whole = isWhole(last);
    if (whole !== true) throw new RangeError(whole);
  } catch (error) {
    throw unreadable(source, error);
  } finally {
    input.destroy();
    bytes.destroy();
  }
}

function unreadable({ runId, from }: LogSource, cause: unknown): LogUnreadableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const place = typeof from === 'string' ? from : 'Redis';
  const hint = typeof from === 'string' ? '; the API and every worker must have the same data directory (RUNYARD_DATA_DIR)' : '';
  return new LogUnreadableError(`the log of run ${runId} in ${place} cannot be read: ${reason}${hint}`, { cause });
}
