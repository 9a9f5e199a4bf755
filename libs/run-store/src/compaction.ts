// Compaction: the stream of a terminal run becomes one blob without partial text.
import { rm } from 'node:fs/promises';
import type { StoredEvent } from './answers.js';
import type { Connection } from './connection.js';
import { LogUnreadableError } from './errors.js';
import type { Keys } from './keys.js';
import { logPath, writeLog } from './log-blob.js';
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
   * @throws an error of the file system when the data directory cannot be written: the stream then stays as it is
   */
  async compact(runId: string): Promise<void> {
    const before = await this.connection.run((redis) => swapLog(redis, this.keys, runId));
    if (before !== 'stream') return;
    const path = logPath(this.dataDir, runId);
    const blob = await writeLog(this.#stream(runId), path).catch(async (error: unknown) => {
      // Another compaction was so much faster that the stream is gone: nothing is left to do.
      if ((await this.connection.run((redis) => swapLog(redis, this.keys, runId))) === 'stream') throw error;
      return undefined;
    });
    if (blob === undefined) return;
    const after = await this.connection.run((redis) => swapLog(redis, this.keys, runId, blob));
    // Another compaction was first, or the run was deleted meanwhile: nobody will ask for our file.
    if (blob === 'file' && after !== 'file') await rm(path, { force: true });
  }

  async *#stream(runId: string): AsyncGenerator<StoredEvent> {
    for (let after = ''; ; ) {
      const query = { after, limit: PAGE_EVENTS, deltas: false };
      const part = await this.connection.run((redis) => readLog(redis, this.keys, runId, query));
      if (part.kind !== 'page') throw new LogUnreadableError(`the live log of run ${runId} is not in Redis any more`);
      yield* part.events;
      if (part.state !== 'more') return;
      after = part.cursor;
    }
  }
}
