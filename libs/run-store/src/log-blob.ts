// Finished logs: frames compressed with zstd, small ones in memory (for Redis), larger ones in a file.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { compareEventIds } from '@runyard/domain';
import type { StoredEvent } from './answers.js';
import { LogUnreadableError } from './errors.js';
import { FrameDecoder, frameOf } from './event-frames.js';

/** Blobs up to this size stay in Redis. */
export const REDIS_BLOB_BYTES = 64 * 1024;

/** Directory of everything that belongs to one run. */
export function runDirectory(dataDir: string, runId: string): string {
  return join(dataDir, 'runs', runId);
}

export function logPath(dataDir: string, runId: string): string {
  return join(runDirectory(dataDir, runId), 'log.zst');
}

/**
 * Compresses events. Answers the blob, or `file` when it was too large and now is, durably, at `path`.
 * Memory stays bounded by the largest event. Two writers at once are no problem: each renames its own whole file.
 */
export async function writeLog(events: AsyncIterable<StoredEvent>, path: string): Promise<Buffer | 'file'> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } });
  pipeline(Readable.from(frames(events), { objectMode: false }), compress, () => {}); // its error ends the loop below
  const small: Buffer[] = [];
  let size = 0;
  let file: { readonly handle: FileHandle; readonly path: string } | undefined;
  try {
    for await (const chunk of compress as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (file === undefined) small.push(chunk);
      else await file.handle.writeFile(chunk);
      if (file === undefined && size > REDIS_BLOB_BYTES) {
        file = await temporaryFile(path);
        await file.handle.writeFile(Buffer.concat(small.splice(0)));
      }
    }
    if (file === undefined) return Buffer.concat(small);
    await file.handle.sync();
    await rename(file.path, path);
    await syncDirectory(dirname(path));
    return 'file';
  } catch (error) {
    if (file !== undefined) await rm(file.path, { force: true });
    throw error;
  } finally {
    await file?.handle.close();
  }
}

async function* frames(events: AsyncIterable<StoredEvent>): AsyncGenerator<Buffer> {
  for await (const event of events) yield frameOf(event);
}

async function temporaryFile(path: string): Promise<{ readonly handle: FileHandle; readonly path: string }> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  return { handle: await open(temporary, 'wx', 0o600), path: temporary };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
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
export async function* readBlob(source: LogSource, after: string): AsyncGenerator<StoredEvent> {
  const input = typeof source.from === 'string' ? createReadStream(source.from) : Readable.from([source.from]);
  const bytes = pipeline(input, createZstdDecompress(), () => {}); // its error ends the loop below
  const decoder = new FrameDecoder();
  let lastType = '';
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      for (const event of decoder.push(chunk)) {
        lastType = event.type;
        if (after === '' || compareEventIds(event.id, after) > 0) yield event;
      }
    }
    decoder.end();
    if (lastType !== 'run.finished') throw new RangeError('it does not reach run.finished');
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
  return new LogUnreadableError(`the finished log of run ${runId} in ${place} cannot be read: ${reason}${hint}`, { cause });
}
