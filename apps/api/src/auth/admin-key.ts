// The bootstrap key: made at the first start and kept in `<data dir>/admin.key`, readable by its owner only.
import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../startup-error.js';

export interface AdminKey {
  readonly key: string;
  readonly path: string;
  /** True when this call made it. */
  readonly made: boolean;
}

/**
 * Reads the key, or makes one of 256 random bits. Starts at the same time agree on one key: the finished file is linked
 * into place, and only one link can be made.
 * @throws StartupError when the directory cannot be written or the file holds no usable key
 */
export async function loadAdminKey(dataDir: string): Promise<AdminKey> {
  const path = join(dataDir, 'admin.key');
  const made = (await readKey(path)) === undefined && (await makeKey(path));
  const key = await readKey(path);
  if (key === undefined) throw new StartupError(`${path} vanished while it was read. Start again.`);
  return { key, path, made };
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    const key = (await readFile(path, 'utf8')).trim();
    if (!/^[\x21-\x7e]{16,512}$/.test(key)) {
      throw new StartupError(`${path} holds no usable key. Remove it, and the next start makes a new one.`);
    }
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
    return key;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${path} cannot be read (${codeOf(error)}). Mend its permissions, or set RUNYARD_API_KEY.`);
  }
}

async function makeKey(path: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(draft, `ryk_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new StartupError(`${path} cannot be written (${codeOf(error)}). Mend the permissions of RUNYARD_DATA_DIR, or set RUNYARD_API_KEY.`);
  } finally {
    await rm(draft, { force: true });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
