// How many processes the kernel has ended here for want of memory.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const COUNT = /^oom_kill (\d+)$/m;
const EVERY_MS = 1000;
const WINDOW_MS = 5000;

/**
 * The count of the control group that this process is in, its subgroups included; it only grows.
 * Undefined where there is no such count (no Linux, or one that does not show it).
 */
export async function oomKillCount(root = '/sys/fs/cgroup', membership = '/proc/self/cgroup'): Promise<number | undefined> {
  const groups = await readFile(membership, 'utf8').catch(() => '');
  for (const path of counters(root, groups)) {
    const count = COUNT.exec(await readFile(path, 'utf8').catch(() => ''))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** Version 2 first. Inside a container the path of the host may not exist below the root: there the root is the group itself. */
function counters(root: string, groups: string): string[] {
  const lines = groups.split('\n').map((line) => line.split(':'));
  const unified = lines.find(([id, controllers]) => id === '0' && controllers === '')?.[2];
  const memory = lines.find(([, controllers]) => controllers?.split(',').includes('memory'))?.[2];
  return [
    ...(unified === undefined ? [] : [join(root, unified, 'memory.events'), join(root, 'memory.events')]),
    ...(memory === undefined ? [] : [join(root, 'memory', memory, 'memory.oom_control'), join(root, 'memory', 'memory.oom_control')]),
  ];
}

export interface OomKillsOptions {
  /** Default: oomKillCount. */
  readonly count?: () => Promise<number | undefined>;
  /** How far back a kill is a recent one, in milliseconds. Default 5000. */
  readonly windowMs?: number;
  /** From one reading to the next. Default 1000. */
  readonly everyMs?: number;
}

/** The count as it was a moment ago: the group is not the run's alone, so a kill counts for a process only when it ends right after it. */
export class OomKills {
  readonly #count: () => Promise<number | undefined>;
  readonly #windowMs: number;
  readonly #timer: NodeJS.Timeout;
  /** In order of time; the first is the last one from before the window. */
  #readings: { readonly atMs: number; readonly kills: number }[] = [];

  private constructor({ count = () => oomKillCount(), windowMs = WINDOW_MS, everyMs = EVERY_MS }: OomKillsOptions) {
    this.#count = count;
    this.#windowMs = windowMs;
    this.#timer = setInterval(() => void this.#read(), everyMs).unref();
  }

  /** Reads the count now and from now on: before the process is started. */
  static async watch(options: OomKillsOptions = {}): Promise<OomKills> {
    const watched = new OomKills(options);
    await watched.#read();
    return watched;
  }

  /** Kills within the window, and up to one reading more. Ask as soon as the process has ended. 0 where nobody counts. */
  async recent(): Promise<number> {
    const [before] = this.#readings;
    const now = await this.#count();
    return now === undefined || before === undefined ? 0 : now - before.kills;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    const kills = await this.#count();
    if (kills === undefined) return;
    this.#readings.push({ atMs: performance.now(), kills });
    const windowFromMs = performance.now() - this.#windowMs;
    const last = this.#readings.findLastIndex(({ atMs }) => atMs <= windowFromMs);
    this.#readings = this.#readings.slice(Math.max(0, last));
  }
}
