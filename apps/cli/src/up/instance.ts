// One local stack per data directory: server.json says who has it.
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { EXIT, Refusal } from '../exit-codes.js';
import { isAlive, readServerFile, serverFilePath } from '../server-file.js';
import type { ServerFile } from '../server-file.js';

/** Takes the data directory for this process. Returns what gives it back. @throws Refusal when another one has it */
export async function takeDataDir(dataDir: string, url: string): Promise<() => void> {
  const path = serverFilePath(dataDir);
  const mine: ServerFile = { url, pid: process.pid, started_at: new Date().toISOString() };
  // Written aside and linked, so that the file is whole when it appears, and only one of two wins.
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${JSON.stringify(mine)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    while (!(await tryLink(draft, path))) await removeStale(dataDir, path);
  } finally {
    await rm(draft, { force: true });
  }
  return () => giveBack(path);
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeStale(dataDir: string, path: string): Promise<void> {
  const found = await readServerFile(dataDir);
  if (found && (await isUp(found.pid))) {
    throw new Refusal(EXIT.failed, `Runyard is already running on ${dataDir}: ${found.url} (pid ${found.pid}).`, 'Use it, stop it with Ctrl-C in its terminal, or set RUNYARD_DATA_DIR and RUNYARD_PORT for a second one.');
  }
  // Moved first: what is removed is then surely what was looked at, not the file of somebody who was faster.
  const aside = `${path}.stale.${process.pid}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await readFile(aside, 'utf8').catch(() => '');
  if (found === undefined || moved.includes(`"pid":${found.pid},`) || moved === '') await rm(aside, { force: true });
  else await link(aside, path).catch(() => undefined).then(() => rm(aside, { force: true }));
}

// After a restart of the machine the pid may be somebody else's. Linux can tell; elsewhere a living pid is believed.
async function isUp(pid: number): Promise<boolean> {
  if (pid === process.pid || !isAlive(pid)) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return commandLine === undefined || /main\.js\0(.*\0)?up\0/.test(commandLine);
}

// Synchronous: the last thing before the process ends.
function giveBack(path: string): void {
  try {
    const { pid } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ServerFile>;
    if (pid === process.pid) rmSync(path, { force: true });
  } catch {
    // gone already
  }
}
