// A worker without room on its disks takes no runs: one that ends for want of room would only have cost money.
import { statfs } from 'node:fs/promises';
import { size } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';

const EVERY_MS = 2000;
/** Files that a worker wants to be able to make: some per run, and its tools make more. */
const MIN_FREE_FILES = 1000;

export interface Free {
  /** That this process may still write. */
  readonly bytes: number;
  /** Files and directories that may still be made; undefined where the file system has no limit. */
  readonly files?: number | undefined;
}

export interface DiskGuardOptions {
  /** What is looked at: names for people → directories. */
  readonly places: Readonly<Record<string, string>>;
  /** 0 = whatever is free is enough, of files, too. */
  readonly minFreeBytes: number;
  /** What is free below a directory. Default: as the system says. */
  readonly free?: (directory: string) => Promise<Free>;
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
    const { places, minFreeBytes, free = freeOf } = this.#options;
    const found = await Promise.all(
      Object.entries(places).map(async ([name, directory]) => {
        const left = await free(directory).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
        if (left instanceof Error) return `the ${name} cannot be looked at: ${left.message}`;
        if (left.bytes < minFreeBytes) return `the ${name} has ${size(left.bytes)} left, less than ${size(minFreeBytes)}: free some, or lower RUNYARD_MIN_FREE_MB`;
        if (left.files === undefined || left.files >= MIN_FREE_FILES) return undefined;
        return `the ${name} has room for ${left.files} more files (inodes), less than ${MIN_FREE_FILES}: remove some`;
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

async function freeOf(directory: string): Promise<Free> {
  const { bavail, bsize, files, ffree } = await statfs(directory);
  // Some file systems make them as they go, and say that they have none at all.
  return { bytes: bavail * bsize, files: files === 0 ? undefined : ffree };
}
