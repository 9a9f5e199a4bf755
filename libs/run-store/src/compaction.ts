// Compaction: the parts and the stream of a terminal run become one blob without partial text.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DELTA_EVENT_TYPE } from '@runyard/domain';
import type { StoredEvent } from './answers.js';
import type { Connection } from './connection.js';
import { LogUnreadableError, RedisUnavailableError } from './errors.js';
import type { Keys } from './keys.js';
import { logPath, PART_FILE, readPart, runDirectory, writeLog } from './log-blob.js';
import { postponeCompaction } from './scripts/postpone-compaction.js';
import { readLog } from './scripts/read.js';
import { swapLog } from './scripts/swap-log.js';

const PAGE_EVENTS = 1000;

export class Compaction {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
  ) {}

  /**
   * May be repeated and run twice at once. Does nothing for a run that is live, unknown or compacted.
   * @throws an error of the file system when the data directory cannot be written, or LogUnreadableError: the stream then stays as it is, and
   * the run comes later among those that are to be compacted
   */
  async compact(runId: string): Promise<void> {
    const before = await this.connection.run((redis) => swapLog(redis, this.keys, runId));
    if (before !== 'stream') return before === 'live' ? undefined : this.#removeParts(runId);
    const path = logPath(this.dataDir, runId);
    const blob = await writeLog(this.#live(runId), path).catch(async (error: unknown) => {
      // Another compaction was so much faster that the stream is gone: nothing is left to do.
      if ((await this.connection.run((redis) => swapLog(redis, this.keys, runId))) !== 'stream') return undefined;
      // Else it would be the first of them for ever.
      if (!(error instanceof RedisUnavailableError)) await this.connection.run((redis) => postponeCompaction(redis, this.keys, runId));
      throw error;
    });
    if (blob === undefined) return;
    const after = await this.connection.run((redis) => swapLog(redis, this.keys, runId, blob));
    // Another compaction was first, or the run was deleted meanwhile: nobody will ask for our file.
    if (blob === 'file' && after !== 'file') await rm(path, { force: true });
    await this.#removeParts(runId);
  }

  /** What is in files because it is large stays there: the blob has the same references. */
  async *#live(runId: string): AsyncGenerator<StoredEvent> {
    for (let after = ''; ; ) {
      const query = { after, limit: PAGE_EVENTS, deltas: false };
      const part = await this.connection.run((redis) => readLog(redis, this.keys, runId, query));
      if (part.kind === 'part') {
        for await (const event of readPart(this.dataDir, runId, part.part, after)) if (event.type !== DELTA_EVENT_TYPE) yield event;
        after = part.part.lastId;
        continue;
      }
      if (part.kind !== 'page') throw new LogUnreadableError(`the live log of run ${runId} is not in Redis any more`);
      yield* part.events;
      if (part.state !== 'more') return;
      after = part.cursor;
    }
  }

  /** Also those that nobody came to name. Whoever reads one keeps it open; whoever comes too late finds the blob. */
  async #removeParts(runId: string): Promise<void> {
    const directory = runDirectory(this.dataDir, runId);
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((each) => PART_FILE.test(each))) await rm(join(directory, name), { force: true });
  }
}
