// The gate and the facts of an attempt, shown by the real CLI: no tool runs before its answer, and the messages tell what may have run.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDemoModel, stdioMcpServer, temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveClaudeBinary } from './claude-binary.js';
import type { ClaudeProcess } from './claude-process.js';
import { peekMessage } from './message-peek.js';
import { reconciliationNote } from './reconciliation-note.js';
import { runFactsOf } from './run-facts.js';
import type { RunFacts } from './run-facts.js';
import { driveClaude, requireBinary } from './spec-support/drive-claude.js';
import type { Drive, Driven } from './spec-support/drive-claude.js';
import type { HookCallback } from './tool-gate.js';
import { transcriptCost } from './transcript-cost.js';
import { TurnTracker } from './turns.js';
import { upstreamTrouble } from './upstream-trouble.js';

const bin = requireBinary(resolveClaudeBinary());
const TIMEOUT = { timeout: 120_000 };
let model: TestDemoModel;
let directory: TemporaryDirectory;

beforeAll(async () => {
  [model, directory] = await Promise.all([startDemoModel(), temporaryDirectory()]);
});
afterAll(async () => {
  await model.stop();
  await directory.remove();
});

const newPlace = (): string => join(directory.path, randomUUID());
const drive = (prompt: unknown, more: Partial<Drive> = {}): Promise<Driven> =>
  driveClaude({ bin, modelUrl: model.url, directory: newPlace(), prompt, ...more, spec: { allowedTools: ['Bash', 'mcp__notes'], ...more.spec } });
const factsOf = (driven: Driven): RunFacts => runFactsOf(driven.messages.map((message) => Buffer.from(JSON.stringify(message))));
const script = (...rounds: object[][]): string => `[[script ${JSON.stringify({ rounds: rounds.map((blocks) => ({ blocks })) })}]]`;
const bash = (command: string) => ({ tool: 'Bash', input: { command, description: 'd' } });

/** Leaves the first tool waiting at the gate until the CLI is silent about it, then does something else instead of answering. */
function atTheGate(act: (claude: ClaudeProcess) => void): NonNullable<Drive['gate']> {
  return (_, claude) => {
    // Long enough for a tool that does not wait to have run.
    setTimeout(() => act(claude), 700);
    return false;
  };
}

describe('no tool runs while it waits at the gate', () => {
  test('and it runs once it is let through', TIMEOUT, async () => {
    const place = newPlace();
    const file = join(place, 'workspace', 'ran');
    let ranBefore: boolean | undefined;
    const gate = (call: HookCallback, claude: ClaudeProcess) => {
      setTimeout(() => {
        ranBefore = existsSync(file);
        void claude.send({ type: 'control_response', response: { subtype: 'success', request_id: call.requestId, response: {} } });
      }, 700);
      return false;
    };
    // The tracker of this driver still counts the tool as waiting: its turn ends all the same.
    const driven = await drive('[[bash cmd="touch ran"]]', { directory: place, gate, onMessage: (message, claude) => void (message['type'] === 'result' && claude.closeInput()) });
    expect([ranBefore, existsSync(file)]).toEqual([false, true]);
    expect(factsOf(driven)).toMatchObject({ changed: true, inFlight: [], lastCompleted: [{ name: 'Bash', outcome: 'ok', description: 'Bash: touch ran' }] });
  });

  test.each<[string, (claude: ClaudeProcess) => void]>([
    ['its input ends', (claude) => claude.closeInput()],
    ['the turn is interrupted', (claude) => void claude.interrupt(5_000).then(() => claude.closeInput())],
    ['it is ended', (claude) => void claude.kill('SIGTERM')],
    ['it is killed', (claude) => void claude.kill('SIGKILL')],
  ])('nor when %s meanwhile', TIMEOUT, async (_, act) => {
    const place = newPlace();
    const driven = await drive('[[bash cmd="touch ran"]]', { directory: place, gate: atTheGate(act) });
    expect(readdirSync(join(place, 'workspace'))).toEqual([]);
    // The log holds the request at the gate, so it may have run as far as the log knows.
    expect(factsOf(driven).released).toMatchObject([{ name: 'Bash', input: { command: 'touch ran' } }]);
  });

  test('an interrupt withdraws the request: then the log knows that it did not run', TIMEOUT, async () => {
    const driven = await drive('[[bash cmd="touch ran"]]', { gate: atTheGate((claude) => void claude.interrupt(5_000).then(() => claude.closeInput())) });
    expect(driven.messages.map(({ type }) => type)).toContain('control_cancel_request');
    expect(driven.tracker.pendingGates).toEqual([]);
    expect(factsOf(driven)).toMatchObject({ changed: false, inFlight: [], changingInFlight: [] });
  });

  test('the tools of a subagent and of an MCP server pass it too', TIMEOUT, async () => {
    const place = newPlace();
    mkdirSync(place, { recursive: true });
    const mcpConfigFile = join(place, 'mcp.json');
    writeFileSync(mcpConfigFile, JSON.stringify({ mcpServers: { notes: { command: process.execPath, args: [stdioMcpServer] } } }));
    const agent = { tool: 'Task', input: { description: 'look', subagent_type: 'general-purpose', prompt: '[[bash cmd="echo inner"]]' } };
    const greet = { tool: 'mcp__notes__greet', input: { name: 'you' } };
    const calls: HookCallback[] = [];
    const gate = (call: HookCallback) => calls.push(call) > 0;
    const driven = await drive(script([greet], [agent], [{ text: 'end' }]), { directory: place, gate, spec: { mcpConfigFile } });
    expect(driven.outcome.status).toBe('succeeded');
    expect(calls.map(({ toolName, agentId }) => [toolName, agentId !== undefined])).toEqual([['mcp__notes__greet', false], [expect.stringMatching(/^(Task|Agent)$/), false], ['Bash', true]]);
    expect(factsOf(driven)).toMatchObject({ changed: true, inFlight: [], inBackground: [] });
  });

  test('reading alone changes nothing', TIMEOUT, async () => {
    const place = newPlace();
    mkdirSync(join(place, 'workspace'), { recursive: true });
    writeFileSync(join(place, 'workspace', 'a.txt'), 'a');
    const driven = await drive(script([{ tool: 'Read', input: { file_path: '{{cwd}}/a.txt' } }], [{ text: 'end' }]), { directory: place });
    expect(factsOf(driven)).toMatchObject({ answered: true, changed: false, completed: [expect.any(String)], lastResult: { is_error: false } });
  });

  test('a tool that is refused after the gate did not run', TIMEOUT, async () => {
    const driven = await drive(script([bash('node -e 1'), { tool: 'Write', input: { file_path: '/nowhere/x', content: 'x' } }], [{ text: 'end' }]), { spec: { allowedTools: [] } });
    expect(driven.tracker.denials).toHaveLength(2);
    expect(factsOf(driven)).toMatchObject({ changed: false, inFlight: [], lastCompleted: [{ outcome: 'denied' }, { outcome: 'denied' }] });
  });
});

describe('a process that is killed', () => {
  test('in the middle of a command: it is in flight, and the resumed conversation is told so and counts its price from the transcript', TIMEOUT, async () => {
    const place = newPlace();
    const ready = join(place, 'workspace', 'ready');
    const rounds = script([bash('echo one')], [bash(`touch ready; perl -e 'sleep 60'`)]);
    let claude: ClaudeProcess | undefined;
    const run = drive(rounds, { directory: place, onMessage: (_, running) => void (claude = running) });
    const kill = waitFor(() => existsSync(ready), { what: 'the tool at work', timeoutMs: 90_000 }).finally(() => claude?.kill('SIGKILL'));
    const [killed] = await Promise.all([run, kill]);
    const facts = factsOf(killed);
    expect(killed.outcome).toMatchObject({ cost_estimated: true, failure: { code: 'killed' } });
    expect(facts).toMatchObject({ lastCompleted: [{ description: 'Bash: echo one' }], changingInFlight: [{ name: 'Bash' }], lastResult: undefined });
    expect(killed.outcome.cost_usd).toBeGreaterThan(0.01);
    expect(await transcriptCost(transcriptOf(place)), 'it had no time to write it').toBeUndefined();

    const note = reconciliationNote({ why: 'lost', atIso: new Date().toISOString(), facts });
    const resumed = await drive(`${note}\n[[text n=2]]`, { directory: place, spec: { session: { mode: 'resume', sessionId: killed.sessionId } } });
    expect(resumed.outcome.status).toBe('succeeded');
    const history = readFileSync(transcriptOf(place), 'utf8');
    expect(history).toContain(JSON.stringify(note).slice(1, -1));
    const total = resumed.tracker.usage.totals.sessionCostUsd;
    expect(await transcriptCost(transcriptOf(place))).toBe(total);
    expect(total, 'the tokens of the killed process are not in it').toBeLessThan(killed.outcome.cost_usd ?? 0);
  });

  test('with a command in the background: that one counts as in flight, and the next process reports it before it does anything', TIMEOUT, async () => {
    const place = newPlace();
    const inBackground = { tool: 'Bash', input: { command: `perl -e 'sleep 60'`, description: 'd', run_in_background: true } };
    const onMessage = (message: object, claude: ClaudeProcess) => void ('type' in message && message.type === 'result' && claude.kill('SIGKILL'));
    const killed = await drive(script([inBackground], [{ text: 'end' }]), { directory: place, onMessage });
    const facts = factsOf(killed);
    expect(facts).toMatchObject({ inFlight: [], changingInFlight: [{ name: 'Bash' }], inBackground: [{ name: 'Bash' }], lastResult: { is_error: false } });

    let leftover: boolean | undefined;
    const resumed = await drive('[[text n=2]]', {
      directory: place,
      spec: { session: { mode: 'resume', sessionId: killed.sessionId } },
      onMessage: ({ type, origin }) => void (type === 'result' && (leftover ??= origin !== undefined)),
    });
    expect(leftover, 'its first result is about that command').toBe(true);
    expect(resumed.outcome).toMatchObject({ status: 'succeeded', result: expect.stringContaining('word') });
  });
});

test('what a subagent has used is in the results: nothing is estimated when it has ended', TIMEOUT, async () => {
  const agent = { tool: 'Task', input: { description: 'look', subagent_type: 'general-purpose', prompt: '[[bash cmd="echo one"]]' } };
  const { outcome, messages } = await drive(script([agent], [{ text: 'It runs.' }], [{ text: 'It has ended.' }]));
  expect(messages.some((message) => typeof message['parent_tool_use_id'] === 'string')).toBe(true);
  expect(outcome).toMatchObject({ status: 'succeeded', cost_estimated: false });
});

test('tokens of a turn without its result are those that the result would have counted, and so is the estimate', TIMEOUT, async () => {
  const driven = await drive('[[edit]]');
  const spentIn = (messages: readonly object[]) => {
    const tracker = new TurnTracker();
    for (const line of messages.map((message) => Buffer.from(JSON.stringify(message)))) tracker.feed(line, peekMessage(line), 0);
    return tracker.usage.spent({ before: 0 }, tracker.turnOpen);
  };
  const cutOff = spentIn(driven.messages.filter(({ type }) => type !== 'result'));
  expect(cutOff).toMatchObject({ usage: driven.outcome.usage, cost_estimated: true });
  expect(cutOff.cost_usd).toBeCloseTo(driven.outcome.cost_usd ?? 0, 6);
  expect(spentIn(driven.messages)).toMatchObject({ usage: driven.outcome.usage, cost_usd: driven.outcome.cost_usd, cost_estimated: false });
});

test.each([
  ['[[status status=429 retry_after=3600]]', { kind: 'quota', code: 'rate_limited', retryAfterMs: 60_000 }],
  ['[[status status=429 retry_after=2]]', { kind: 'quota', code: 'rate_limited', retryAfterMs: expect.toSatisfy((ms: number) => ms >= 2_000 && ms < 10_000) }],
  ['[[status status=529]]', { kind: 'overloaded', code: 'overloaded' }],
  ['[[status status=503 retry_after=90]]', { kind: 'overloaded', code: 'api_error', retryAfterMs: 60_000 }],
  ['[[status kind=credit]]', { kind: 'spend', code: 'billing_error' }],
  ['[[status status=401]]', { kind: 'auth', code: 'authentication_failed' }],
  ['[[reset after=0]]', { kind: 'connection', code: 'connection_failed' }],
  ['[[status status=400]]', undefined],
  ['[[text n=1]]', undefined],
] as const)('trouble with the provider, %s', TIMEOUT, async (prompt, expected) => {
  const { tracker } = await drive(prompt);
  const trouble = upstreamTrouble({ result: tracker.lastResult, errorClass: tracker.errorClass, signs: tracker.upstreamSigns, maxRetries: 1, nowMs: Date.now() });
  if (expected === undefined) expect(trouble).toBeUndefined();
  else expect(trouble).toMatchObject(expected);
});

function transcriptOf(place: string): string {
  const projects = join(place, 'config', 'projects');
  const project = join(projects, readdirSync(projects)[0]!);
  return join(project, readdirSync(project).find((name) => name.endsWith('.jsonl'))!);
}
