// A lock between processes: a directory that holds the pid of its owner. A lock whose owner is gone is taken over.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OWNERLESS_GRACE_MS = 5000;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs `work` while no other process holds `path`. Blocks this process while it waits.
 * @template T
 * @param {string} path
 * @param {() => void} onWait called once when another process holds the lock
 * @param {() => T} work
 * @returns {T}
 */
export function withLock(path, onWait, work) {
  for (let waited = false; !take(path); waited = true) {
    if (isAbandoned(path)) rmSync(path, { recursive: true, force: true });
    else {
      if (!waited) onWait();
      Atomics.wait(pause, 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** @param {string} path */
function take(path) {
  try {
    mkdirSync(path);
  } catch (error) {
    if (existsSync(path)) return false;
    throw error;
  }
  writeFileSync(join(path, 'pid'), String(process.pid));
  return true;
}

/** @param {string} path */
function isAbandoned(path) {
  try {
    const pid = Number(readFileSync(join(path, 'pid'), 'utf8'));
    if (pid > 0) return !isAlive(pid);
  } catch {
    // no pid yet: the age of the directory decides
  }
  try {
    return Date.now() - statSync(path).mtimeMs > OWNERLESS_GRACE_MS;
  } catch {
    return false; // released meanwhile
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
