// Trouble with the model provider: runs wait without a process, ask again one at a time and go on; real worker, real CLI, real Redis.
import { readFile } from 'node:fs/promises';
import { sessionUuidOf } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { processesWithMark, waitFor } from '@runyard/testing';
import { describe, expect, test, vi } from 'vitest';
import type { TestContext } from 'vitest';
import { bash, script } from './demo-prompts.fixture.js';
import { openProviderGate } from './provider-gate.fixture.js';
import type { ProviderGate } from './provider-gate.fixture.js';
import { standOfTest } from './worker-stand.fixture.js';
import type { WorkerStand } from './worker-stand.fixture.js';

// Most of the time nothing happens: runs wait.
vi.setConfig({ testTimeout: 300_000, maxConcurrency: 3 });

interface Weather {
  readonly stand: WorkerStand;
  readonly gate: ProviderGate;
  /** The session of each refused request, in order, repetitions of one process left out. */
  refused(): string[];
}

/** A worker whose provider can be made to refuse. */
async function weather({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, settings: Record<string, string> = {}): Promise<Weather> {
  const stand = await standOfTest(onTestFinished, { request: { allowed_tools: ['Bash'] } });
  const gate = await openProviderGate(stand.model.url);
  onTestFinished(() => gate.close());
  await stand.workOn({ ANTHROPIC_BASE_URL: gate.url, RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_CAPACITY: '3', ...settings });
  const refused = () => gate.asked.filter((one) => one.refused).map(({ session }) => session).filter((session, index, all) => session !== all[index - 1]);
  return { stand, gate, refused };
}

const session = (run: RunRecord) => sessionUuidOf(run.sessionId);
const waits = (stand: WorkerStand, run: RunRecord) => stand.until(run, 'the wait', ({ status }) => status === 'waiting');
const told = (stand: WorkerStand, run: RunRecord) => stand.typesOf(run).then((types) => types.filter((type) => type.startsWith('run.')));

describe.concurrent('a provider that', () => {
  test('refuses the key: runs wait for somebody, later ones without being started, and all go on by themselves', async (context) => {
    const { stand, gate, refused } = await weather(context);
    gate.refuse(401);
    const first = await stand.submit({ prompt: '[[text n=3]]' });
    const waiting = await waits(stand, first);
    expect(waiting).toMatchObject({ waitingFor: 'auth', held: false, left: 'auth', attempt: 1, workerId: null, leaseUntilMs: null, waitingDetail: expect.stringContaining('ANTHROPIC_API_KEY') });
    expect(Date.parse(waiting.resumesAt ?? '')).toBeGreaterThan(Date.parse(waiting.startedAt ?? '') + 19_000);
    expect(await processesWithMark(first.id)).toEqual([]);
    const later = await stand.submit({ prompt: '[[text n=2]]' });
    expect(await waits(stand, later)).toMatchObject({ waitingFor: 'auth', attempt: 0, startedAt: null });
    gate.refuse(undefined);
    expect(await stand.ended(first)).toMatchObject({ status: 'succeeded', attempt: 2, losses: 0, waitingFor: null, resumesAt: null, outcome: { result: 'word-1 word-2 word-3' } });
    expect(await stand.ended(later)).toMatchObject({ status: 'succeeded', attempt: 1, losses: 0 });
    expect(refused()).toEqual([session(first)]);
    expect(await told(stand, later)).toEqual(['run.queued', 'run.waiting', 'run.queued', 'run.started', 'run.finished']);
    expect(await stand.store.upstream.list()).toMatchObject([{ state: 'closed', waiting: 0 }]);
  });

  test('asks to come back in a moment is asked again by the CLI itself; one that names no time lets the run wait', async (context) => {
    const { stand } = await weather(context, { RUNYARD_CLAUDE_MAX_RETRIES: '2' });
    const short = await stand.perform({ prompt: '[[status status=429 fail=1 retry_after=1]] [[text n=2]]' });
    expect(short).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect((await stand.eventsOf(short)).map(({ body }) => body['subtype'])).toContain('api_retry');
    expect(await told(stand, short)).not.toContain('run.waiting');
    expect(await stand.store.upstream.list()).toEqual([]);

    const timeless = await stand.submit({ prompt: '[[status status=429 fail=3]] [[text n=2]]' });
    expect(await waits(stand, timeless)).toMatchObject({ waitingFor: 'quota', left: 'quota', attempt: 1 });
    expect(await stand.store.upstream.list()).toMatchObject([{ state: 'open', kind: 'quota', code: 'rate_limited', waiting: 1 }]);
    expect(await stand.ended(timeless)).toMatchObject({ status: 'succeeded', attempt: 2, losses: 0 });
  });

  test('asks to come back in an hour: the run waits, is not asked for meanwhile, and can be canceled', async (context) => {
    const { stand, gate } = await weather(context, { RUNYARD_CLAUDE_MAX_RETRIES: '2' });
    const run = await stand.submit({ prompt: '[[status status=429 retry_after=3600]]' });
    const next = await stand.submit({ prompt: '[[text n=1]]', session_id: run.sessionId });
    const waiting = await waits(stand, run);
    const since = Date.parse((await stand.eventsOf(run)).find(({ type }) => type === 'run.waiting')?.ts ?? '');
    expect(Date.parse(waiting.resumesAt ?? '') - since).toBeGreaterThan(59_000);
    const asked = gate.asked.length;
    expect((await stand.store.get(next.id))?.queuedReason, 'it keeps the turn of its session').toBe('session');
    expect(await stand.store.cancel(run.id)).toMatchObject({ kind: 'canceled', run: { status: 'canceled' }, next: { runId: next.id } });
    expect((await stand.store.cancel(run.id)).kind).toBe('already_terminal');
    expect((await told(stand, run)).filter((type) => type === 'run.finished')).toHaveLength(1);
    await waits(stand, next);
    expect(gate.asked.length).toBe(asked);
  });

  test('is overloaded: one run asks for all, nobody fails, and they go on in the order of their creation', async (context) => {
    const { stand, gate, refused } = await weather(context);
    gate.refuse(529);
    const first = await stand.submit({ prompt: '[[text n=1]]' });
    await waits(stand, first);
    const others: RunRecord[] = [];
    for (let index = 0; index < 5; index += 1) others.push(await stand.submit({ prompt: '[[text n=1]]' }));
    for (const run of others) await waits(stand, run);
    await waitFor(async () => ((await stand.store.upstream.list())[0]?.failures ?? 0) >= 2, { what: 'a second refusal', timeoutMs: 120_000 });
    gate.refuse(undefined);
    const ends = await Promise.all([first, ...others].map(stand.ended));
    expect(ends.map(({ status }) => status)).toEqual(ends.map(() => 'succeeded'));
    expect(ends.map(({ losses }) => losses)).toEqual(ends.map(() => 0));
    expect(ends.slice(1).map(({ attempt }) => attempt)).toEqual(others.map(() => 1));
    expect(refused()).toEqual([session(first)]);
    const released = await Promise.all(ends.map(async (run) => Date.parse((await stand.eventsOf(run)).findLast(({ type }) => type === 'run.queued')?.ts ?? '')));
    expect(released).toEqual(released.toSorted((a, b) => a - b));
    expect(await stand.store.upstream.list()).toMatchObject([{ state: 'closed', failures: 0, waiting: 0 }]);
  });

  test('is overloaded in the third turn: the conversation goes on with a note, and nothing is done twice', async (context) => {
    const { stand } = await weather(context);
    const ledger = stand.data('ledger');
    const add = (word: string) => bash(`echo ${word} >> ${ledger}`);
    const run = await stand.submit({ prompt: `[[status status=529 fail=1 round=2]] ${script(add('one'), add('two'), { text: 'end' })}` });
    expect(await waits(stand, run)).toMatchObject({ waitingFor: 'quota', attempt: 1 });
    const ended = await stand.ended(run);
    expect(ended).toMatchObject({ status: 'succeeded', attempt: 2, losses: 0, outcome: { cost_estimated: false } });
    expect(await readFile(ledger, 'utf8')).toBe('one\ntwo\n');
    const events = await stand.eventsOf(run);
    expect(events.find(({ type }) => type === 'run.resumed')?.body).toMatchObject({ attempt: 2, how: 'resume' });
    const transcript = await readFile(stand.data('sessions', run.sessionId, `${session(run)}.jsonl`), 'utf8');
    expect(transcript).toMatch(/the model provider could not answer for a while/);
    const totals = events.filter(({ type }) => type === 'claude.result').map(({ body }) => Number(body['total_cost_usd']));
    expect(ended.outcome.cost_usd, 'the CLI counts on from the first attempt').toBeCloseTo(totals.at(-1) ?? Number.NaN, 6);
  });

  test('wants to be paid first: runs wait as long as the operator says, and end with its words', async (context) => {
    const { stand } = await weather(context, { RUNYARD_UPSTREAM_WAIT_SECONDS: '20' });
    const run = await stand.submit({ prompt: '[[status kind=credit]]' });
    const waiting = await waits(stand, run);
    expect(waiting).toMatchObject({ waitingFor: 'quota', waitingDetail: expect.stringMatching(/credit/i) });
    const later = await stand.submit({ prompt: '[[text n=1]]' });
    expect(await stand.ended(run)).toMatchObject({ status: 'failed', attempt: 1, outcome: { failure: { code: 'billing_error', message: waiting.waitingDetail } } });
    expect(await stand.ended(later)).toMatchObject({ status: 'failed', attempt: 0, startedAt: null, outcome: { failure: { code: 'billing_error' } } });
  });

  test('refuses fails runs at once where the operator wants no waiting', async (context) => {
    const { stand, gate } = await weather(context, { RUNYARD_UPSTREAM_WAIT_SECONDS: '0' });
    gate.refuse(529);
    expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'failed', attempt: 1, outcome: { failure: { code: 'overloaded' } } });
    gate.refuse(undefined);
    expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(await stand.store.upstream.list()).toEqual([]);
  });
});
