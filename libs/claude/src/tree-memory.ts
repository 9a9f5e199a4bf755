// How much memory the processes of a run use together.
import { readFile } from 'node:fs/promises';
import { findRunProcesses } from './process-tree.js';
import type { SweepOptions } from './process-tree.js';

/** Total of the resident memory of every process of a run, in bytes, shared pages counted once where the system tells (PSS). 0 where there is no /proc. */
export async function treeMemoryBytes(mark: string, options: Pick<SweepOptions, 'rootPid' | 'known'> = {}): Promise<number> {
  const processes = await findRunProcesses(mark, options);
  const sizes = await Promise.all(processes.map(({ pid }) => memoryOf(pid)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** A process that has just ended uses nothing. */
async function memoryOf(pid: number): Promise<number> {
  return (await field(`/proc/${pid}/smaps_rollup`, 'Pss')) ?? (await field(`/proc/${pid}/status`, 'VmRSS')) ?? 0;
}

async function field(path: string, name: string): Promise<number | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '');
  const kilobytes = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
