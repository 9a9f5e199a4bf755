// What a worker has under watch, written down beside its temporary files: when worker and warden die together, the next worker reads it.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startedAtNow } from '@runyard/claude';

/** How the files are called: RECORD_PREFIX, something unique, `.json`. */
export const RECORD_PREFIX = 'runyard-watch-';
const TOUCH_EVERY_MS = 15_000;

/** One mark, who watched it, and the directories that go with its processes. */
export interface WatchRecord {
  readonly host: string;
  /** The numbers of processes mean something only within it; empty where nobody tells. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** Together with the pid it names one process; empty where nobody tells. */
  readonly startedAt: string;
  readonly mark: string;
  readonly directories: readonly string[];
}

/** Who this process is, for a record. */
export function ownIdentity(): Pick<WatchRecord, 'host' | 'pidNamespace' | 'pid' | 'startedAt'> {
  return { host: hostname(), pidNamespace: pidNamespace(), pid: process.pid, startedAt: startedAtNow(process.pid) ?? '' };
}

/** The content of a record, or undefined when it is none. */
export function readRecord(path: string): WatchRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<WatchRecord>;
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The records of this process; each lives from before its mark's first process until after its last one. */
export class WatchRecords {
  readonly #directory: string;
  readonly #identity = ownIdentity();
  readonly #paths = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;

  constructor(directory: string = tmpdir()) {
    this.#directory = directory;
    this.#timer = setInterval(() => this.#touch(), TOUCH_EVERY_MS).unref();
  }

  /** Writes one down and returns its path. @throws what the file system throws: then nothing may be started */
  add(mark: string, directories: readonly string[]): string {
    const name = `${RECORD_PREFIX}${randomBytes(8).toString('hex')}`;
    const path = join(this.#directory, `${name}.json`);
    const record: WatchRecord = { ...this.#identity, mark, directories: [...directories] };
    mkdirSync(this.#directory, { recursive: true });
    const draft = join(this.#directory, `${name}.new`);
    try {
      writeFileSync(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
      renameSync(draft, path);
    } catch (error) {
      removeIfPossible(draft);
      throw error;
    }
    this.#paths.set(mark, path);
    return path;
  }

  /** A record that cannot be removed names a mark that nobody has any more: the next worker removes it. */
  remove(mark: string): void {
    const path = this.#paths.get(mark);
    if (path !== undefined) removeIfPossible(path);
    this.#paths.delete(mark);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Says to those who cannot see this process that it lives. */
  #touch(): void {
    const now = new Date();
    for (const path of this.#paths.values()) {
      try {
        utimesSync(path, now, now);
      } catch {
        // Somebody has cleaned up: the warden watches all the same.
      }
    }
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A directory that became read-only must not change how a run ends.
  }
}

function isRecord(value: Partial<WatchRecord>): value is WatchRecord {
  const { host, pidNamespace: namespace, startedAt, mark, pid, directories } = value;
  const texts: unknown[] = [host, namespace, startedAt, mark, ...(Array.isArray(directories) ? directories : [undefined])];
  return texts.every((text) => typeof text === 'string') && mark !== '' && Number.isInteger(pid);
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
