// The log of a run from its first event to its blob: who writes it, who reads it, who compacts it.
import { Compaction } from './compaction.js';
import type { Connection } from './connection.js';
import { EventLog } from './event-log.js';
import type { Keys } from './keys.js';
import { DEFAULT_INLINE_BYTES, LargeData } from './large-data.js';
import { DEFAULT_LIVE_LOG_BYTES, LogSpill } from './log-spill.js';
import { LogWriter } from './log-writer.js';
import type { RunStoreOptions } from './run-store-options.js';

export class RunLog {
  readonly writer: LogWriter;
  readonly reader: EventLog;
  readonly compaction: Compaction;

  constructor(connection: Connection, keys: Keys, options: Pick<RunStoreOptions, 'dataDir' | 'inlineBytes' | 'liveLogBytes' | 'onError' | 'onFileError' | 'onRestored'>) {
    const { dataDir, inlineBytes = DEFAULT_INLINE_BYTES, liveLogBytes = DEFAULT_LIVE_LOG_BYTES } = options;
    const onError = options.onFileError ?? options.onError ?? (() => {});
    const large = new LargeData(dataDir, inlineBytes, onError);
    const spill = new LogSpill({ connection, keys, dataDir, liveLogBytes, onError });
    this.writer = new LogWriter({ connection, keys, large, spill, onRestored: options.onRestored ?? (() => {}), onError });
    this.reader = new EventLog(connection, keys, dataDir, large);
    this.compaction = new Compaction(connection, keys, dataDir);
  }
}
