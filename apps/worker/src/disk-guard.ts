// A worker without room on its disks takes no runs: one that ends for want of room would only have cost money.
import { statfs } from 'node:fs/promises';
import { size } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';

const EVERY_MS = 2000;

export interface DiskGuardOptions {
  /** What is looked at: names for people → directories. */
  readonly places: Readonly<Record<string, string>>;
  /** 0 = whatever is free is enough. */
  readonly minFreeBytes: number;
  /** Bytes that this process may still write below a directory. Default: as the system says. */
  readonly freeBytes?: (directory: string) => Promise<number>;
}

export interface DiskChanges {
  /** There is not enough room any more. @param problem for people, with what to do */
  readonly onLow: (problem: string) => void;
  readonly onEnough: () => void;
}

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #problem: string | undefined;
  #changes: DiskChanges | undefined;
  #toldLow = false;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** What was wrong at the last look; undefined when there was room. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Looks now, and tells whoever watches of a change before it answers. A place that cannot be looked at has no room: nothing could be written there. */
  async look(): Promise<string | undefined> {
    const { places, minFreeBytes, freeBytes = freeOf } = this.#options;
    const found = await Promise.all(
      Object.entries(places).map(async ([name, directory]) => {
        const free = await freeBytes(directory).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
        if (free instanceof Error) return `the ${name} cannot be looked at: ${free.message}`;
        return free < minFreeBytes ? `the ${name} has ${size(free)} left, less than ${size(minFreeBytes)}: free some, or lower RUNYARD_MIN_FREE_MB` : undefined;
      }),
    );
    this.#problem = minFreeBytes === 0 ? undefined : found.find((problem) => problem !== undefined);
    this.#tell(this.#problem);
    return this.#problem;
  }

  /** For /readyz. */
  async check(): Promise<HealthCheck> {
    const problem = await this.look();
    return problem === undefined ? { ok: true, detail: 'there is room for runs' } : { ok: false, detail: `no runs are taken: ${problem}` };
  }

  /** Looks every two seconds and tells each change; at first there is room. The answer ends it. One watcher at a time. */
  watch(changes: DiskChanges): () => void {
    this.#changes = changes;
    let looking = false;
    const begin = (): void => {
      if (looking) return;
      looking = true;
      void this.look().finally(() => (looking = false));
    };
    begin();
    const timer = setInterval(begin, EVERY_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      this.#changes = undefined;
    };
  }

  #tell(problem: string | undefined): void {
    if (this.#changes === undefined || (problem !== undefined) === this.#toldLow) return;
    this.#toldLow = problem !== undefined;
    if (problem === undefined) this.#changes.onEnough();
    else this.#changes.onLow(problem);
  }
}

async function freeOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
