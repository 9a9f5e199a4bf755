// A process that a tool left behind with no mark, no session and no parent of the run: nothing but the looks while the run lived leads to it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startedAtNow } from '@runyard/claude';
import { processesWithMark, waitFor } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { bash, script } from './demo-prompts.fixture.js';
import type { Block } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ request: { allowed_tools: ['Bash'], recovery: 'never' } });
const { work, submit, ended, has, typesOf } = stand;

/** A run whose tool returns and leaves such a process; then `after`. */
async function shedding(name: string, after: Block) {
  const pidFile = join(stand.base, name);
  const shed = `env -i setsid perl -e 'open(my $f, ">", "$ARGV[0].new"); print $f $$; close($f); rename("$ARGV[0].new", $ARGV[0]); sleep 600' ${pidFile} >/dev/null 2>&1 &`;
  // The command stays for a while: a look that took its time is followed by a long pause, and the next one has to see whose child it is.
  const run = await submit({ prompt: script(bash(`${shed} until [ -s ${pidFile} ]; do sleep 0.1; done; sleep 5`), after) });
  await has(run, '"tool_result"');
  const pid = Number(await readFile(pidFile, 'utf8'));
  onTestFinished(() => {
    if (startedAtNow(pid) !== undefined) process.kill(pid, 'SIGKILL');
  });
  // It is of no run that anybody could see now.
  expect([startedAtNow(pid) !== undefined, (await processesWithMark(run.id)).includes(pid)]).toEqual([true, false]);
  return { run, pid };
}

test('it is gone when the run has come to its end by itself', async () => {
  await work();
  const { run, pid } = await shedding('by-itself', { text: 'word '.repeat(50), delay: 100 });
  await waitFor(async () => (await typesOf(run)).includes('run.finished'), { what: 'the end', timeoutMs: 120_000 });
  expect(startedAtNow(pid)).toBeUndefined();
  expect(await ended(run)).toMatchObject({ status: 'succeeded' });
});

test('it is gone when the worker was killed: the warden has looked, too', async () => {
  const worker = await work();
  const { run, pid } = await shedding('killed', bash(`perl -e 'sleep 600'`));
  worker.kill('SIGKILL');
  await worker.exited;
  await waitFor(() => startedAtNow(pid) === undefined, { what: 'the end of the process', timeoutMs: 60_000 });
  await stand.store.cancel(run.id);
});
