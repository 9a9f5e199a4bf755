// Names of files outlive a loss of power only when the directories that hold them were synced, all the way up.
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Syncs `path` and every directory above it, up to and with `top`. Cheap where nothing has changed. @throws what the file system throws */
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
