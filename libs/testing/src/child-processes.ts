// Which processes a process has started itself. Linux only.
import { readFile } from 'node:fs/promises';

/** Ids of its live children. Throws when it is gone, and where there is no /proc. */
export async function childProcesses(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
}
