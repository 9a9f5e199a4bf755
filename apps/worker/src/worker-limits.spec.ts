// Runs that want too much: endless output, lines without end, memory, room on the disk. The worker, Redis and the neighbours stay well.
import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RunRecord, StoredEvent } from '@runyard/run-store';
import { httpCall, processesWithMark, redisCommand, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const MEBIBYTE = 1024 * 1024;

const stand = workerStand({ environment: { RUNYARD_MIN_FREE_MB: '0' } });
const { work, submit, ended } = stand;

/** A program that answers the prompt with what `body` says, in the dialect of the CLI. */
async function fakeThat(name: string, body: string): Promise<string> {
  const dialect = fileURLToPath(new URL('../../../libs/testing/src/fake-claude/speaks-like-claude.mjs', import.meta.url));
  const path = join(stand.base, `${name}.mjs`);
  await writeFile(path, `#!/usr/bin/env node\nimport { once } from 'node:events';\nimport { listen, say, sayInit, sayResult } from ${JSON.stringify(dialect)};
const write = async (text) => { if (!process.stdout.write(text)) await once(process.stdout, 'drain'); };
listen(async (message) => { if (message.type !== 'user') return; sayInit(); ${body}; sayResult(); });\n`);
  await chmod(path, 0o755);
  return path;
}

/** Bytes that the program of a run has written and that are not in its log: the worker has them, apart from what is in a pipe. */
async function notInTheLog(run: RunRecord, pid: number | undefined, bytesOfLine: number): Promise<number> {
  // It may not have begun, or have ended.
  const written = Number(/wchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8').catch(() => ''))?.[1] ?? -Infinity);
  return written - ((await stand.store.get(run.id))?.seq ?? 0) * bytesOfLine;
}

/** The most that the worker and the stream of a run had taken at any look, and that was not yet in its log; the answer ends looking. */
function peaks({ pid }: TestWorker, run: RunRecord, bytesOfLine = 0) {
  const { id } = run;
  const most = { worker: 0, stream: 0, behind: -Infinity };
  let program: number | undefined;
  const looking = new AbortController();
  const looks = (async () => {
    for await (const _ of setInterval(50, undefined, { signal: looking.signal })) {
      const status = await readFile(`/proc/${pid}/status`, 'latin1');
      most.worker = Math.max(most.worker, Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) * 1024);
      most.stream = Math.max(most.stream, Number((await redisCommand(stand.redis.connection, 'MEMORY', 'USAGE', `runyard:run:${id}:events`)) ?? 0));
      if (bytesOfLine === 0) continue;
      program ??= (await processesWithMark(id))[0];
      most.behind = Math.max(most.behind, await notInTheLog(run, program, bytesOfLine));
    }
  })().catch((error: unknown) => {
    if (!looking.signal.aborted) throw error;
  });
  return async () => {
    looking.abort();
    await looks;
    return most;
  };
}

async function follow({ id }: RunRecord, take: (event: StoredEvent) => void): Promise<void> {
  for await (const event of stand.store.follow(id, { signal: AbortSignal.timeout(280_000) })) take(event);
}

const numberOf = ({ data }: StoredEvent): number => Number(/"n":(\d+)/.exec(data.toString('latin1', 0, 100))?.[1]);

test('100,000 lines: all of them in order for whoever watches, and little of them in Redis or the worker', { timeout: 400_000 }, async () => {
  const bin = await fakeThat('counts', `for (let n = 0; n < 100_000; n += 1) await write('{"type":"assistant","n":' + n + ',"padding":"' + 'x'.repeat(200) + '"}\\n')`);
  const worker = await work({ RUNYARD_CLAUDE_BIN: bin, RUNYARD_RUN_LOG_REDIS_BYTES: String(2 * MEBIBYTE) });
  const run = await submit({ prompt: 'count' });
  const most = peaks(worker, run, '{"type":"assistant","n":12345,"padding":""}\n'.length + 200);
  let next = 0;
  await follow(run, (event) => {
    if (event.type !== 'claude.assistant') return;
    expect(numberOf(event)).toBe(next);
    next += 1;
  });
  expect(next).toBe(100_000);
  expect((await ended(run)).status).toBe('succeeded');
  const { worker: memory, stream, behind } = await most();
  process.stdout.write(`100,000 lines: worker ${Math.round(memory / MEBIBYTE)} MiB, ${(behind / MEBIBYTE).toFixed(1)} MiB of it not in the log, stream ${(stream / MEBIBYTE).toFixed(1)} MiB\n`);
  expect(stream).toBeGreaterThan(0);
  expect(stream).toBeLessThan(3 * MEBIBYTE);
  // It buffers 4 MiB; all lines are 23 MiB, which the memory alone, with its garbage, would not tell.
  expect(Number.isFinite(behind)).toBe(true);
  expect(behind).toBeLessThan(12 * MEBIBYTE);
  expect(memory).toBeLessThan(512 * MEBIBYTE);
  // And once more from the finished log, from the middle.
  await waitFor(async () => (await stand.store.get(run.id))?.log === 'file', { what: 'the compaction', timeoutMs: 60_000 });
  next = 50_000;
  const half = (await stand.store.readEvents(run.id, { limit: 1, after: '1-50003' }))?.events[0];
  if (half === undefined) throw new Error('no event in the middle');
  next = numberOf(half);
  expect(next).toBeGreaterThan(49_990);
  for await (const event of stand.store.follow(run.id, { after: half.id, signal: AbortSignal.timeout(60_000) })) if (event.type === 'claude.assistant') expect(numberOf(event)).toBe(++next);
  expect(next).toBe(99_999);
  expect(await readdir(stand.data('runs', run.id))).not.toContainEqual(expect.stringMatching(/^log-part/));
});

test('a line of 60 MiB comes out as it was, one of 100 MiB with a gap; Redis and the worker hold neither', { timeout: 400_000 }, async () => {
  const body = (mebibytes: number): string => `await write('{"type":"assistant","n":${mebibytes},"text":"'); for (let i = 0; i < ${mebibytes}; i += 1) await write(String.fromCharCode(97 + i % 26).repeat(${MEBIBYTE})); await write('"}\\n')`;
  const bin = await fakeThat('long-lines', `${body(60)}; ${body(100)}; say({ type: 'assistant', n: 1 })`);
  const worker = await work({ RUNYARD_CLAUDE_BIN: bin });
  const run = await submit({ prompt: 'long' });
  const most = peaks(worker, run);
  const seen: StoredEvent[] = [];
  await follow(run, (event) => void (event.type === 'claude.assistant' && seen.push(event)));
  const { worker: memory, stream } = await most();
  process.stdout.write(`lines of 60 and 100 MiB: worker ${Math.round(memory / MEBIBYTE)} MiB, stream ${(stream / MEBIBYTE).toFixed(2)} MiB\n`);
  expect(seen.map(numberOf)).toEqual([60, NaN, 1]);
  const hash = createHash('sha256').update('{"type":"assistant","n":60,"text":"');
  for (let i = 0; i < 60; i += 1) hash.update(String.fromCharCode(97 + (i % 26)).repeat(MEBIBYTE));
  expect(createHash('sha256').update(seen[0]?.data ?? '').digest('hex')).toBe(hash.update('"}').digest('hex'));
  const abridged = JSON.parse(seen[1]?.data.toString() ?? '') as Record<string, unknown>;
  expect(abridged).toMatchObject({ type: 'assistant', truncated: true, bytes: 100 * MEBIBYTE + 38 });
  expect((await ended(run)).status).toBe('succeeded');
  expect(stream).toBeLessThan(MEBIBYTE);
  expect(memory).toBeLessThan(1024 * MEBIBYTE);
});

test('a run that takes too much memory ends as out_of_memory; its neighbour does not notice', async () => {
  await work({ RUNYARD_RUN_MEMORY_MB: '900' });
  const neighbour = await submit({ prompt: '[[slow n=100 delay=100]]' });
  const hog = await submit({ prompt: `[[bash cmd="perl -e 'my $x = chr(65) x 1200000000; sleep 600'"]]`, allowed_tools: ['Bash'] });
  const { outcome } = await ended(hog);
  expect(outcome.failure).toMatchObject({ code: 'out_of_memory', message: expect.stringContaining('RUNYARD_RUN_MEMORY_MB allows 900.0 MiB') });
  expect((await ended(neighbour)).status).toBe('succeeded');
});

test('a worker without room takes nothing and says why; one with room does the work', async () => {
  const full = await work({ RUNYARD_MIN_FREE_MB: '1000000000' });
  await full.logged('no room on the disk: no more runs are taken');
  const ready = await waitFor(async () => {
    const { status, json } = await httpCall(await full.url(), '/readyz');
    return status === 503 && (json as { checks: { disk: { detail: string } } }).checks.disk.detail;
  }, { what: 'the worker to be not ready' });
  expect(ready).toMatch(/^no runs are taken: the data directory has .* left, less than 953\.7 TiB: free some, or lower RUNYARD_MIN_FREE_MB$/);
  const run = await submit({ prompt: '[[text n=2]]' });
  await waitFor(async () => (await stand.queue.depth()) === 1, { what: 'the ticket' });
  expect((await stand.store.get(run.id))?.status).toBe('queued');
  await work();
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(full.log.some(({ msg }) => msg === 'run claimed')).toBe(false);
});
