// The data directory: made when it is missing, and tried.
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';

/**
 * Makes the directory (mode 0700) and its missing parents, and writes a file into it. Answers null when it can be used,
 * else the code of the system's error, such as EACCES, ENOTDIR, ENOSPC. Never rejects.
 */
export async function prepareDataDir(dataDir: string): Promise<string | null> {
  const probe = join(dataDir, `.probe-${randomUUID()}`);
  try {
    await makeDirectory(dataDir);
    await (await open(probe, 'wx')).close();
    await rm(probe, { force: true });
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

/** Not `recursive: true`: Node 24 never returns from that where the system answers ENOENT for ever, as below /proc. */
async function makeDirectory(path: string): Promise<void> {
  const make = async (): Promise<void> => void (await mkdir(path, { mode: 0o700 }));
  try {
    await make().catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
      await makeDirectory(dirname(path));
      await make();
    });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
