// `<data dir>/server.json`: where the local stack of a data directory listens, and who runs it.
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  readonly started_at: string;
}

export function serverFilePath(dataDir: string): string {
  return join(dataDir, 'server.json');
}

export function adminKeyPath(dataDir: string): string {
  return join(dataDir, 'admin.key');
}

/** What `runyard up` wrote, or undefined when there is no such file or it is none of ours. */
export async function readServerFile(dataDir: string): Promise<ServerFile | undefined> {
  const text = await readPrivateFile(serverFilePath(dataDir));
  try {
    const { url, pid, started_at } = JSON.parse(text ?? '') as Partial<Record<keyof ServerFile, unknown>>;
    if (typeof url !== 'string' || !URL.canParse(url) || typeof pid !== 'number' || typeof started_at !== 'string') return undefined;
    return { url, pid, started_at };
  } catch {
    return undefined;
  }
}

/**
 * The content of a file that only its owner may touch, or undefined. Address and key are looked for in the working directory and above;
 * files that came with a foreign repository are readable by others, and must not decide where prompts and keys are sent.
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    const { mode, uid } = statSync(path);
    if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) return undefined;
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
