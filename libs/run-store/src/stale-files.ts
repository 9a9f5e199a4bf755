// What runs and sessions left in the data directory that the store knows no more: a process died while it forgot them.
import { lstat, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idSchema } from '@runyard/domain';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { installationId } from './server.js';

/** Whoever makes a directory has made the record before; the rest is room for clocks that disagree. */
const STALE_MS = 60 * 60 * 1000;

/** Says which Redis knows about the directory. */
const OWNER_FILE = 'installation';

interface Place {
  readonly path: string;
  /** Its record. */
  readonly key: string;
}

export class StaleFiles {
  /** What this round through the directory has not looked at yet. */
  #left: Place[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
  ) {}

  /**
   * Looks at the next `limit` directories of runs and sessions and removes those whose record is gone and in which nothing was
   * made or removed for an hour. Answers how many. What was there before the data directory was first used with this Redis stays.
   * @throws Error when the directory belongs to another Redis, or some could not be removed; the others are then gone
   */
  async remove(limit: number): Promise<number> {
    const sinceMs = await this.#ownedSinceMs();
    if (this.#left.length === 0) this.#left = await this.#places();
    const places = this.#left.splice(0, limit);
    const old = await keepIf(places, ({ path }) => isQuiet(path, sinceMs));
    const stale = await keepIf(old, async ({ key }) => (await this.connection.run((redis) => redis.exists(key))) === 0);
    const errors: unknown[] = [];
    for (const { path } of stale) await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} directories of forgotten runs or sessions could not be removed`);
    return stale.length;
  }

  /** With an empty or exchanged Redis everything would look forgotten. */
  async #ownedSinceMs(): Promise<number> {
    const id = await this.connection.run((redis) => installationId(redis, this.keys));
    const path = join(this.dataDir, OWNER_FILE);
    await mkdir(this.dataDir, { recursive: true });
    await writeFile(path, `${id}\n`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const owner = (await readFile(path, 'utf8')).trim();
    if (owner !== id) throw new Error(`${path} names another installation than Redis does: nothing is removed from the data directory. Delete that file if this Redis is the right one.`);
    return (await stat(path)).mtimeMs;
  }

  async #places(): Promise<Place[]> {
    const runs = await ids(join(this.dataDir, 'runs'), 'run');
    const sessions = await ids(join(this.dataDir, 'sessions'), 'session');
    return [
      ...runs.map((id) => ({ path: join(this.dataDir, 'runs', id), key: this.keys.run(id) })),
      ...sessions.map((id) => ({ path: join(this.dataDir, 'sessions', id), key: this.keys.session(id) })),
    ];
  }
}

/** Names that are no ids were not made by us. */
async function ids(directory: string, kind: 'run' | 'session'): Promise<string[]> {
  const schema = idSchema(kind);
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => schema.safeParse(name).success);
}

async function isQuiet(path: string, sinceMs: number): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.mtimeMs >= sinceMs && found.mtimeMs < Date.now() - STALE_MS;
}

async function keepIf<T>(items: readonly T[], fits: (item: T) => Promise<boolean>): Promise<T[]> {
  const answers = await Promise.all(items.map(fits));
  return items.filter((_, i) => answers[i]);
}
