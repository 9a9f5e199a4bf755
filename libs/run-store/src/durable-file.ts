// Files that are whole or not there: written beside their place, synced, then renamed.
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export class DurableFile {
  private constructor(
    readonly handle: FileHandle,
    private readonly temporary: string,
    private readonly path: string,
  ) {}

  /** Makes the directories that are missing. Two writers of one path are no problem: each renames its own whole file. */
  static async create(path: string): Promise<DurableFile> {
    const made = await mkdir(dirname(path), { recursive: true });
    if (made !== undefined) await syncDirectories(dirname(dirname(path)), dirname(made));
    const temporary = `${path}.${randomUUID()}.tmp`;
    return new DurableFile(await open(temporary, 'wx', 0o600), temporary, path);
  }

  /** From now on the file is at its path, also after a loss of power. */
  async keep(): Promise<void> {
    await this.handle.sync();
    await rename(this.temporary, this.path);
    await syncDirectories(dirname(this.path), dirname(this.path));
  }

  /** Closes it; what was not kept is gone. */
  async close(): Promise<void> {
    await this.handle.close();
    await rm(this.temporary, { force: true });
  }
}

/** Writes one file. @throws an error of the file system; then nothing is at `path` that was not there before */
export async function writeDurably(path: string, bytes: Buffer | string): Promise<void> {
  const file = await DurableFile.create(path);
  try {
    await file.handle.writeFile(bytes);
    await file.keep();
  } finally {
    await file.close();
  }
}

/** Syncs `path` and every directory above it, up to and with `top`. Names of files outlive a loss of power only then. Cheap where nothing has changed. @throws what the file system throws */
export async function syncDirectories(path: string, top: string): Promise<void> {
  const last = resolve(top);
  for (let at = resolve(path); ; at = dirname(at)) {
    const directory = await open(at, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    if (at === last || at === dirname(at)) return;
  }
}
