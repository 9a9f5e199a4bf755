// Real processes that shed everything by which they could be found, and what was noted of them before.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { waitFor } from '@runyard/testing';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { startedAtNow } from './process-table.js';
import type { ProcessEntry } from './process-table.js';
import { findRunProcesses, sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';
import { TreeWatch } from './tree-watch.js';

const MARK = `tree-watch-spec-${process.pid}`;
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await sweep(MARK);
});

/** A shell with the mark that starts an inner one and stays. The inner one starts a command without the mark in a session of its own, and ends with its input. */
function shell(command: string): ChildProcess {
  const inner = `sh -c 'env -i setsid ${command} & read line'`;
  const child = spawn('/bin/sh', ['-c', `${inner}\nwhile :; do sleep 1; done`], { env: { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: MARK }, detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  started.push(child);
  return child;
}

function watched({ pid = 0 }: ChildProcess): TreeWatch {
  const tree = new TreeWatch();
  onTestFinished(() => tree.close());
  tree.watch(pid);
  return tree;
}

const pids = (tree: TreeWatch) => tree.known().map(({ pid }) => pid);

/** The descendant whose parent is nobody of the tree any more: the inner shell ends when that one was seen in its own session. */
async function orphanOf(tree: TreeWatch, root: ChildProcess): Promise<ProcessEntry> {
  await waitFor(() => tree.known().some(({ pid, session }) => pid !== root.pid && session === pid), { what: 'its session to be noted' });
  root.stdin?.end();
  return await waitFor(() => tree.known().find(({ pid, parent }) => parent !== process.pid && !pids(tree).includes(parent) && startedAtNow(pid) !== undefined), { what: 'the orphan to be noted' });
}

test('who has neither mark nor session nor parent of the run any more is still known, and ends with it', async () => {
  const root = shell(`perl -e "sleep 600"`);
  const tree = watched(root);
  const orphan = await orphanOf(tree, root);
  expect((await findRunProcesses(MARK)).map(({ pid }) => pid)).not.toContain(orphan.pid);
  const { killed, left } = await sweep(MARK, { known: tree.known() });
  expect([killed.includes(orphan.pid), left, startedAtNow(orphan.pid)]).toEqual([true, [], undefined]);
});

test('what an orphan starts is noted too; the dead are forgotten', async () => {
  const root = shell(`sh -c "sleep 600; sleep 600 & wait"`);
  const tree = watched(root);
  const orphan = await orphanOf(tree, root);
  const child = await waitFor(() => tree.known().find(({ parent, pid }) => parent === orphan.pid && pid !== orphan.pid && startedAtNow(pid) !== undefined), { what: 'its child' });
  process.kill(child.pid, 'SIGKILL');
  await waitFor(() => !pids(tree).includes(child.pid), { what: 'the first child to be forgotten' });
  await waitFor(() => tree.known().some(({ parent }) => parent === orphan.pid), { what: 'the second child' });
  process.kill(orphan.pid, 'SIGKILL');
  await waitFor(() => !pids(tree).includes(orphan.pid), { what: 'the orphan to be forgotten' });
  const { killed } = await sweep(MARK, { known: tree.known() });
  expect(killed).not.toContain(orphan.pid);
});

test('a process that is gone already: nothing is noted', () => {
  const tree = new TreeWatch();
  tree.watch(2 ** 22 + 1);
  tree.close();
  expect(tree.known()).toEqual([]);
});
