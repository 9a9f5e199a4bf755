// A lock between processes: a directory that holds the pid of its owner. A lock whose owner is gone is taken over.
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, isAlive } from './processes.js';

// Covers the moment between making the directory and writing the pid.
const OWNERLESS_GRACE_MS = 5_000;

/** Runs `work` while no other process holds `lockPath`; waits as long as that takes. */
export async function withLock<T>(lockPath: string, work: () => Promise<T>): Promise<T> {
  while (!(await take(lockPath))) {
    if (await isAbandoned(lockPath)) await clear(lockPath);
    else await sleep(50);
  }
  try {
    return await work();
  } finally {
    await rm(lockPath, { recursive: true, force: true });
  }
}

async function take(lockPath: string): Promise<boolean> {
  try {
    await mkdir(lockPath);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  await writeFile(join(lockPath, 'pid'), String(process.pid));
  return true;
}

async function isAbandoned(lockPath: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(join(lockPath, 'pid'), 'utf8'));
    if (pid > 0) return !isAlive(pid);
  } catch {
    // no pid yet: fall through to the age of the directory
  }
  try {
    return Date.now() - (await stat(lockPath)).mtimeMs > OWNERLESS_GRACE_MS;
  } catch {
    return false; // released meanwhile
  }
}

// Moved aside before it is removed: if a third process has taken the lock meanwhile, that one is moved, seen alive and put back.
async function clear(lockPath: string): Promise<void> {
  const aside = `${lockPath}.abandoned-${process.pid}`;
  try {
    await rename(lockPath, aside);
    if (await isAbandoned(aside)) await rm(aside, { recursive: true, force: true });
    else await rename(aside, lockPath);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTEMPTY')) throw error;
  }
}
