// Finds processes by what stands in their environment, to prove that none is left. Linux only.
import { readdir, readFile } from 'node:fs/promises';

/** Ids of the live processes whose environment holds `text`; zombies have none. Throws where there is no /proc. */
export async function processesWithMark(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Processes of other users, and those that have just ended, cannot be read.
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.includes(text) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}
