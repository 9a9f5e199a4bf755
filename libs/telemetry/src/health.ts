// Checks of health that every process can make of its own surroundings.
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';

/** One thing that should be so; the detail says how it is and, when it is not, what to do. */
export interface HealthCheck {
  readonly ok: boolean;
  readonly detail: string;
  /** false: worth knowing, but work goes on. Default true. */
  readonly essential?: boolean;
}

const DISK_BYTES = 256 * 1024 * 1024;
const MEMORY_SHARE = 0.03;

/** True when every essential check is. */
export function isHealthy(checks: Readonly<Record<string, HealthCheck>>): boolean {
  return Object.values(checks).every((check) => check.ok || check.essential === false);
}

/** Is there room where runs, logs and transcripts are kept? At least 256 MiB must be free. */
export async function diskCheck(directory: string, leastBytes = DISK_BYTES): Promise<HealthCheck> {
  try {
    const { bavail, bsize, blocks } = await statfs(directory);
    const free = bavail * bsize;
    const detail = `${size(free)} of ${size(blocks * bsize)} free`;
    return free >= leastBytes ? { ok: true, detail } : { ok: false, detail: `${detail}: free at least ${size(leastBytes)} below the data directory` };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { ok: false, detail: `the data directory cannot be looked at (${code}): check RUNYARD_DATA_DIR` };
  }
}

/** Does the machine, or the container around this process, have memory left? */
export function memoryCheck(): HealthCheck {
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  const available = Math.min(process.availableMemory(), total);
  const detail = `${size(available)} of ${size(total)} available; this process has ${size(process.memoryUsage.rss())}`;
  return available / total >= MEMORY_SHARE ? { ok: true, detail } : { ok: false, detail: `${detail}: give it more memory or lower RUNYARD_CAPACITY` };
}

/** Bytes for people, such as `3.1 GiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
