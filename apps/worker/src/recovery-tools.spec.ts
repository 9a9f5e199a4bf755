// Tools that were let go and that Redis forgot: a real worker is killed over one, and the log is cut back by hand; and a disk that takes no note.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { sessionUuidOf } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, count, script } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0' }, request: { allowed_tools: ['Bash'] } });
const { work, submit, until, ended, has, lose, ledger, counted } = stand;

const waiting = (run: RunRecord) => until(run, 'the wait', ({ status }) => status === 'waiting');
const redis = (command: string, ...words: readonly string[]) => redisCommand(stand.redis.connection, command, ...words);
const notesOf = ({ id }: RunRecord) => readFile(stand.data('runs', id, 'attempt-1.ndjson'), 'utf8');

/** Takes a run back to before the first event of its log that has the text, as a Redis that lost its last seconds knows it. */
async function forget({ id }: RunRecord, from: string): Promise<void> {
  const key = `runyard:run:${id}`;
  const entries = (await redis('XRANGE', `${key}:events`, '-', '+')) as readonly (readonly [string, readonly string[]])[];
  const first = entries.findIndex(([, fields]) => fields.join(' ').includes(from));
  const last = entries[first - 1]?.[0];
  if (last === undefined) throw new Error(`nothing in the log of ${id} has ${from}`);
  await redis('XDEL', `${key}:events`, ...entries.slice(first).map(([entry]) => entry));
  await redis('XSETID', `${key}:events`, last);
  await redis('HSET', key, 'seq', last.slice(last.indexOf('-') + 1));
  await redis('HDEL', key, 'flush');
}

test('Redis loses the request of a tool, the worker dies over the tool: the run waits and says which, or goes on if it was told to', async () => {
  const worker = await work();
  const sleeping = (name: string) => script(count(ledger(name), "; perl -e 'sleep 300'"), { text: 'end' });
  const runs = {
    request: await submit({ prompt: sleeping('request') }),
    answer: await submit({ prompt: sleeping('answer') }),
    bold: await submit({ prompt: sleeping('bold'), recovery: 'resume' }),
  };
  for (const name of Object.keys(runs)) await waitFor(() => existsSync(ledger(name)), { what: `the tool of ${name}`, timeoutMs: 120_000 });
  await lose(worker, ...Object.values(runs));
  await forget(runs.request, '"hook_callback"');
  await forget(runs.answer, 'claude.');
  await forget(runs.bold, 'claude.');

  await work();
  expect(await waiting(runs.request)).toMatchObject({ waitingFor: 'recovery', waitingDetail: expect.stringMatching(/Redis lost the last events.* This may have run: Bash: echo one .*resume, restart or abandon/) });
  expect(await waiting(runs.answer)).toMatchObject({ waitingFor: 'recovery', waitingDetail: expect.stringMatching(/Redis lost the last events.* This may have run: Bash \(what it was to do is lost\)\./) });
  expect(await ended(runs.bold)).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect(await Promise.all(Object.keys(runs).map(counted))).toEqual([['one'], ['one'], ['one']]);
  // The note to Claude names it: it is in the conversation that went on.
  const { sessionId } = runs.bold;
  expect(await readFile(stand.data('sessions', sessionId, `${sessionUuidOf(sessionId)}.jsonl`), 'utf8')).toMatch(/tool Bash, input: not known any more/);
});

test('of tools that only read there is no note', async () => {
  await work();
  const run = await submit({ prompt: script({ tool: 'Read', input: { file_path: ledger('nothing') } }, count(ledger('noted')), { text: 'end' }), allowed_tools: ['Bash', 'Read'] });
  expect(await ended(run)).toMatchObject({ status: 'succeeded' });
  expect((await stand.eventsOf(run)).filter(({ text }) => text.includes('"hook_callback"'))).toHaveLength(2);
  const tools = (await notesOf(run)).split('\n').filter((text) => text.includes('"tool"')).map((text) => JSON.parse(text) as unknown);
  expect(tools).toEqual([{ note: 'tool', id: expect.stringMatching(/^toolu_/), name: 'Bash' }]);
});

test('a tool that cannot be written down does not start: the run ends and says why', async () => {
  const worker = await work();
  const go = ledger('go');
  const run = await submit({ prompt: script(bash(`until [ -e ${go} ]; do sleep 0.1; done`), count(ledger('unnoted')), { text: 'end' }) });
  await has(run, '"hook_callback"');
  await waitFor(async () => (await notesOf(run)).includes('"Bash"'), { what: 'the note of the first tool' });
  const { size } = await stat(stand.data('runs', run.id, 'attempt-1.ndjson'));
  await promisify(execFile)('prlimit', ['--pid', String(worker.pid), `--fsize=${size}:`]);
  await writeFile(go, '');
  expect(await ended(run)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'internal', message: expect.stringMatching(/^Bash could not be written down before its start: EFBIG/) } } });
  expect(await counted('unnoted')).toEqual([]);
});
