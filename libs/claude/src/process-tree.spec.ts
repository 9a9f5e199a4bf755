// Real processes in every position a run can leave them, and the ones that must be spared.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { processesWithMark, temporaryDirectory, waitFor } from '@runyard/testing';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { listFromPs, listProcesses, startedAtNow, startedWith } from './process-table.js';
import { findRunProcesses, sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';

const MARK = `process-tree-spec-${process.pid}`;
const STAY = 'setInterval(() => undefined, 1e6);';
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A Node program of our own, in its own session unless told otherwise. */
function run(code: string, { mark = MARK, detached = true }: { mark?: string | undefined; detached?: boolean } = {}): ChildProcess & { pid: number } {
  const env = { PATH: '/usr/bin:/bin', ...(mark === '' ? {} : { [RUN_MARK_ENV]: mark }) };
  const child = spawn(process.execPath, ['-e', code], { env, detached, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  return child as ChildProcess & { pid: number };
}

/** Code that starts a child and prints its pid. */
function parentOf(childCode: string, options: string): string {
  return `const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(childCode)}], ${options}); console.log(c.pid); ${STAY}`;
}

async function printedPid(child: ChildProcess): Promise<number> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  await waitFor(() => text.includes('\n'), { what: 'the pid of the grandchild' });
  return Number(text);
}

const alive = async (pid: number) => (await listProcesses()).some((entry) => entry.pid === pid);
const pids = async (...options: Parameters<typeof findRunProcesses>) => (await findRunProcesses(...options)).map((entry) => entry.pid).toSorted((a, b) => a - b);
const marked = (pid: number, mark = MARK) => waitFor(() => startedWith(pid, `${RUN_MARK_ENV}=${mark}`), { what: 'the mark' });

describe('finds and ends', () => {
  test('a marked process in a session of its own whose parent is gone', async () => {
    const parent = run(parentOf(STAY, `{ detached: true, stdio: 'ignore' }`));
    const orphan = await printedPid(parent);
    parent.kill('SIGKILL');
    await waitFor(async () => !(await alive(parent.pid)), { what: 'the parent to be gone' });
    expect(await alive(orphan)).toBe(true);
    expect(await sweep(MARK)).toEqual({ killed: [orphan], left: [] });
    expect(await processesWithMark(MARK)).toEqual([]);
  });

  test('a descendant that has shed the mark', async () => {
    const parent = run(parentOf(STAY, `{ env: {}, detached: true, stdio: 'ignore' }`));
    const child = await printedPid(parent);
    await waitFor(() => startedWith(child, `${RUN_MARK_ENV}=${MARK}`) === false, { what: 'the clean environment' });
    expect(await pids(MARK)).toEqual([parent.pid, child].toSorted((a, b) => a - b));
    expect((await sweep(MARK)).left).toEqual([]);
    expect(await alive(child)).toBe(false);
  });

  test('one without mark and parent, by the group it was born in', async () => {
    const parent = run(parentOf(STAY, `{ env: {}, stdio: 'ignore' }`));
    const child = await printedPid(parent);
    await waitFor(() => startedWith(child, `${RUN_MARK_ENV}=${MARK}`) === false, { what: 'the clean environment' });
    parent.kill('SIGKILL');
    await waitFor(async () => !(await alive(parent.pid)), { what: 'the parent to be gone' });
    expect(await pids(MARK), 'nothing leads to it but the number of its group').toEqual([]);
    expect(await sweep(MARK, { rootPid: parent.pid })).toEqual({ killed: [child], left: [] });
  });

  test('one that has shed mark, group and parent, when it was noted in time', async () => {
    const parent = run(parentOf(STAY, `{ env: {}, detached: true, stdio: 'ignore' }`));
    const child = await printedPid(parent);
    const known = await waitFor(async () => {
      const found = await findRunProcesses(MARK);
      return found.length === 2 && found;
    }, { what: 'both processes' });
    parent.kill('SIGKILL');
    await waitFor(async () => !(await alive(parent.pid)), { what: 'the parent to be gone' });
    expect(await sweep(MARK, { known })).toEqual({ killed: [child], left: [] });
  });

  test('one that has shed mark and parent, by a neighbour in its session whose leader is dead', async () => {
    const both = `
      const { spawn } = require('node:child_process');
      const clean = spawn('perl', ['-e', 'setpgrp(0, 0); sleep 600'], { env: {}, stdio: 'ignore' });
      const neighbour = spawn('perl', ['-e', 'setpgrp(0, 0); sleep 600'], { stdio: 'ignore' });
      console.log(clean.pid); ${STAY}`;
    const leader = run(both);
    const clean = await printedPid(leader);
    const entry = async () => (await listProcesses()).find(({ pid }) => pid === clean);
    await waitFor(async () => (await entry())?.group === clean && (await findRunProcesses(MARK)).length === 3, { what: 'groups of their own' });
    leader.kill('SIGKILL');
    await waitFor(async () => (await entry())?.parent !== leader.pid, { what: 'the leader to be gone' });
    expect((await sweep(MARK)).killed).toContain(clean);
    expect(await alive(clean)).toBe(false);
  });

  test('a process that starts its successor and ends, again and again', { timeout: 120_000 }, async () => {
    // It goes on until the test is over: it is caught on its way, not waited for. On a busy machine that takes many looks.
    // The steps are for a test that was killed itself.
    const directory = await temporaryDirectory();
    onTestFinished(() => directory.remove());
    const walk = `if [ -e "$DIRECTORY" ] && [ "$STEPS" -gt 0 ]; then STEPS=$((STEPS-1)) setsid /bin/sh -c "$WALK" & fi; sleep 0.01`;
    const env = { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: MARK, DIRECTORY: directory.path, STEPS: '100000', WALK: walk };
    const first = spawn('/bin/sh', ['-c', walk], { env, detached: true, stdio: 'ignore' });
    started.push(first);
    await waitFor(() => first.exitCode !== null, { what: 'the first of them to be gone' });
    expect((await sweep(MARK, { timeoutMs: 90_000 })).left).toEqual([]);
    expect(await processesWithMark(MARK)).toEqual([]);
  });

  test('a process that ignores every signal it can', async () => {
    const stubborn = run(`for (const s of ['SIGTERM','SIGINT','SIGHUP']) process.on(s, () => {}); ${STAY}`);
    await marked(stubborn.pid);
    expect(await sweep(MARK)).toEqual({ killed: [stubborn.pid], left: [] });
  });
});

describe('spares', () => {
  test('another run, also one whose mark begins with the same text', async () => {
    const others = [run(STAY, { mark: `${MARK}0` }), run(STAY, { mark: `x${MARK}` }), run(STAY, { mark: '' })];
    await marked(others[0]!.pid, `${MARK}0`);
    await marked(others[1]!.pid, `x${MARK}`);
    expect(await sweep(MARK)).toEqual({ killed: [], left: [] });
    expect(await Promise.all(others.map((other) => alive(other.pid)))).toEqual([true, true, true]);
  });

  test('a pid that was given to somebody else, in both ways of pointing at it', async () => {
    const stranger = run(STAY, { mark: '' });
    await waitFor(() => startedAtNow(stranger.pid), { what: 'the stranger' });
    const stale = { pid: stranger.pid, parent: 1, group: stranger.pid, session: stranger.pid, startedAt: '1' };
    expect(await sweep(MARK, { rootPid: stranger.pid, known: [stale] })).toEqual({ killed: [], left: [] });
    expect(await alive(stranger.pid)).toBe(true);
  });

  test('whoever asks, and its ancestors, even when they carry the mark', async () => {
    const own = process.pid;
    const self = (await listProcesses()).find((entry) => entry.pid === own);
    const parent = (await listProcesses()).find((entry) => entry.pid === self?.parent);
    expect(await pids(MARK, { rootPid: own, known: [self!, parent!] })).not.toContain(own);
    expect(await pids(MARK, { known: [self!, parent!] })).not.toContain(parent?.pid);
  });

  test('others in a session that somebody else leads, although a process of the run is in it', async () => {
    const leader = run(parentOf(STAY, `{ env: { [${JSON.stringify(RUN_MARK_ENV)}]: ${JSON.stringify(MARK)} }, stdio: 'ignore' }`), { mark: '' });
    const member = await printedPid(leader);
    await marked(member);
    expect(await pids(MARK)).toEqual([member]);
  });

  test('nobody is meant by an empty mark', async () => {
    await expect(sweep('')).rejects.toThrow(RangeError);
  });
});

describe('the process table', () => {
  test('a zombie is not listed', async () => {
    // The shell replaces itself by a program that never waits for its child; only then may the child end.
    const keeper = spawn('/bin/sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
    started.push(keeper);
    const zombie = await printedPid(keeper);
    await waitFor(async () => (await readFile(`/proc/${keeper.pid}/comm`, 'utf8')) === 'sleep\n', { what: 'the shell to be replaced' });
    process.kill(zombie, 'SIGKILL');
    await waitFor(async () => !(await alive(zombie)), { what: 'the zombie to be left out' });
    expect(() => process.kill(zombie, 0), 'it still has its number').not.toThrow();
  });

  test('ps tells the same story as /proc', async () => {
    const child = run(STAY);
    await marked(child.pid);
    const [fromProc, fromPs] = await Promise.all([listProcesses(), listFromPs()]);
    const pick = (entries: typeof fromPs, pid: number) => entries.filter((entry) => entry.pid === pid).map(({ pid: id, parent, group }) => ({ id, parent, group }));
    expect(pick(fromPs, child.pid)).toEqual([{ id: child.pid, parent: process.pid, group: child.pid }]);
    expect(pick(fromPs, process.pid)).toEqual(pick(fromProc, process.pid));
    expect(fromPs.find((entry) => entry.pid === child.pid)?.startedAt).toMatch(/\d{4}$/);
  });
});
