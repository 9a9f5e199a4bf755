// What the arguments, the tracker and the outcome rely on, shown by the real CLI.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDemoModel, temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveClaudeBinary } from './claude-binary.js';
import { allowedToolsEntry } from './denial-advice.js';
import { restoreTranscript, saveTranscript } from './session-files.js';
import { driveClaude, requireBinary } from './spec-support/drive-claude.js';
import type { Drive, Driven } from './spec-support/drive-claude.js';

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

const drive = (prompt: unknown, more: Partial<Drive> = {}): Promise<Driven> =>
  driveClaude({ bin, modelUrl: model.url, directory: join(directory.path, randomUUID()), prompt, ...more });
const script = (...rounds: object[][]): string => `[[script ${JSON.stringify({ rounds: rounds.map((blocks) => ({ blocks })) })}]]`;
const bash = (command: string) => ({ tool: 'Bash', input: { command, description: 'd' } });
const count = (driven: Driven, fields: object) => driven.messages.filter((message) => Object.entries(fields).every(([key, value]) => message[key] === value)).length;

describe('the prompt', () => {
  test('of 2 MB arrives whole', TIMEOUT, async () => {
    const prompt = `[[text n=2]] ${'0123456789abcde\n'.repeat(131_072)}`;
    const driven = await drive(prompt);
    expect(driven.outcome.status).toBe('succeeded');
    const transcript = join(directory.path, 'two-megabytes');
    await saveTranscript({ configDir: configDirOf(driven), sessionUuid: driven.sessionId }, transcript);
    const lines = readFileSync(join(transcript, `${driven.sessionId}.jsonl`), 'utf8').split('\n').filter(Boolean);
    const texts = lines.map((line) => JSON.stringify((JSON.parse(line) as { message?: unknown }).message ?? ''));
    expect(texts.some((text) => text.includes(JSON.stringify(prompt).slice(1, -1)))).toBe(true);
  });

  test.each(['--help [[text n=2]]', '-p [[text n=2]]', '--dangerously-skip-permissions [[text n=2]]'])('that begins like a flag is a prompt: %s', TIMEOUT, async (prompt) => {
    const driven = await drive(prompt);
    expect(driven.outcome).toMatchObject({ status: 'succeeded', num_turns: 1 });
    expect(driven.tracker.session?.permissionMode).toBe('acceptEdits');
  });

  test('may be content blocks', TIMEOUT, async () => {
    expect((await drive([{ type: 'text', text: '[[text n=2]]' }])).outcome.status).toBe('succeeded');
  });
});

describe('values that begin with - stay values', () => {
  test('of the model', TIMEOUT, async () => {
    const driven = await drive('[[text n=2]]', { spec: { model: '--dangerously-skip-permissions' } });
    expect(driven.outcome.status).toBe('succeeded');
    expect(driven.tracker.session).toMatchObject({ model: '--dangerously-skip-permissions', permissionMode: 'acceptEdits' });
  });

  test('of the tool lists, which do not swallow each other', TIMEOUT, async () => {
    const spec = { allowedTools: ['--help', 'Bash(npm -v)'], disallowedTools: ['-p', 'Write', 'Bash(echo no *)'], maxTurns: 9 };
    const driven = await drive(script([bash('npm -v'), bash('echo no way')], [{ text: 'end' }]), { spec });
    expect(driven.tracker.denials).toMatchObject([{ input: { command: 'echo no way' }, unanswered: false }]);
    expect(driven.outcome.status).toBe('succeeded');
    expect(driven.messages.find((message) => message['subtype'] === 'init')?.['tools']).not.toContain('Write');
  });
});

describe('options that change the run', () => {
  test('a system prompt from a file, far over what an argument holds', TIMEOUT, async () => {
    const file = join(directory.path, 'system-prompt.txt');
    writeFileSync(file, `-Be brief. ${'x'.repeat(300_000)}`);
    const before = await drive('[[text n=2]]');
    const with300k = await drive('[[text n=2]]', { spec: { appendSystemPromptFile: file } });
    expect(with300k.outcome.status).toBe('succeeded');
    const tokens = ({ outcome: { usage } }: Driven) => (usage?.input_tokens ?? 0) + (usage?.cache_creation_input_tokens ?? 0) + (usage?.cache_read_input_tokens ?? 0);
    expect(tokens(with300k)).toBeGreaterThan(tokens(before) + 10_000);
  });

  test('a schema: the answer is structured', TIMEOUT, async () => {
    const outputSchema = { type: 'object', properties: { answer: { type: 'string' }, size: { type: 'integer' } }, required: ['answer', 'size'] };
    const { outcome } = await drive('[[schema]]', { spec: { outputSchema } });
    expect(outcome).toMatchObject({ status: 'succeeded', structured_output: { answer: expect.any(String), size: expect.any(Number) } });
  });

  test('the settings of the workspace are not obeyed unless it is trusted', TIMEOUT, async () => {
    const place = join(directory.path, 'with-settings');
    mkdirSync(join(place, 'workspace', '.claude'), { recursive: true });
    const hook = { type: 'command', command: 'touch hook-ran' };
    writeFileSync(join(place, 'workspace', '.claude', 'settings.json'), JSON.stringify({ hooks: { UserPromptSubmit: [{ hooks: [hook] }] } }));
    const ran = () => readdirSync(join(place, 'workspace')).includes('hook-ran');
    await drive('[[text n=2]]', { directory: place });
    expect(ran()).toBe(false);
    await drive('[[text n=2]]', { directory: place, spec: { trust: 'project' } });
    expect(ran()).toBe(true);
  });
});

describe('the end of a run', () => {
  /** Ends when the first turn is over: before that its end would belong to that turn. */
  const untilFirstTurnIsOver = `until test -e over; do perl -e 'select undef, undef, undef, 0.05'; done`;
  const driveOver = (prompt: string) => {
    const place = join(directory.path, randomUUID());
    const onMessage = ({ state }: { state?: unknown }) => void (state === 'idle' && writeFileSync(join(place, 'workspace', 'over'), ''));
    return drive(prompt, { directory: place, spec: { allowedTools: ['Bash'] }, onMessage });
  };

  test('comes after the turn that a background task starts: two results, the last one counts', TIMEOUT, async () => {
    const inBackground = { tool: 'Bash', input: { command: untilFirstTurnIsOver, description: 'd', run_in_background: true } };
    const driven = await driveOver(script([inBackground], [{ text: 'It runs.' }], [{ text: 'It has ended.' }]));
    expect(driven.outcome).toMatchObject({ status: 'succeeded', result: expect.stringContaining('has ended') });
    expect([count(driven, { type: 'result' }), count(driven, { subtype: 'init' })]).toEqual([2, 2]);
    expect(driven.outcome.num_turns).toBe(3);
  });

  test('a command over its time goes on in the background and is waited for', TIMEOUT, async () => {
    const driven = await driveOver(`[[bash cmd="${untilFirstTurnIsOver}" timeout=1000]]`);
    expect(driven.outcome.status).toBe('succeeded');
    expect(count(driven, { type: 'result' })).toBe(2);
  });

  test('every message is answered, and one whose uuid the session knows is not asked again', TIMEOUT, async () => {
    const place = join(directory.path, 'several-messages');
    const uuid = randomUUID();
    let sent = false;
    const first = await drive('[[slow n=5 delay=50]]', {
      directory: place,
      onMessage: (message, claude) => {
        if (sent || message['subtype'] !== 'init') return;
        sent = true;
        void claude.send({ type: 'user', uuid, message: { role: 'user', content: '[[text n=2]]' } });
      },
    });
    expect(count(first, { type: 'result' })).toBe(2);
    let again = false;
    const second = await drive('[[text n=3]]', {
      directory: place,
      spec: { session: { mode: 'resume', sessionId: first.sessionId } },
      onMessage: (message, claude) => {
        if (again || message['subtype'] !== 'init') return;
        again = true;
        void claude.send({ type: 'user', uuid, message: { role: 'user', content: '[[text n=2]]' } });
      },
    });
    expect(count(second, { type: 'result' }), 'the repeated message started no turn').toBe(1);
  });
});

describe('sessions', () => {
  test('go on with another config directory, another working directory and a torn transcript; the price is a difference', TIMEOUT, async () => {
    const first = await drive('[[text n=20]]');
    const saved = join(directory.path, 'saved');
    expect(await saveTranscript({ configDir: configDirOf(first), sessionUuid: first.sessionId }, saved)).toBe(true);
    const file = join(saved, `${first.sessionId}.jsonl`);
    const lines = readFileSync(file, 'utf8').trimEnd();
    writeFileSync(file, `${lines}\n{"type":"user","message":{"role":"us`);
    rmSync(configDirOf(first), { recursive: true });

    const elsewhere = join(directory.path, 'elsewhere');
    const place = { configDir: join(elsewhere, 'config'), cwd: join(elsewhere, 'workspace'), sessionUuid: first.sessionId };
    mkdirSync(place.cwd, { recursive: true });
    expect(await restoreTranscript(saved, place)).toBe(true);
    const costBeforeUsd = first.tracker.usage.totals.sessionCostUsd ?? 0;
    const second = await drive('[[text n=20]]', { directory: elsewhere, spec: { session: { mode: 'resume', sessionId: first.sessionId } }, costBeforeUsd });
    expect(second.outcome.status).toBe('succeeded');
    expect(second.tracker.session?.sessionId).toBe(first.sessionId);
    expect(second.tracker.usage.totals.sessionCostUsd).toBeGreaterThan(costBeforeUsd);
    expect(second.outcome.cost_usd).toBeCloseTo((second.tracker.usage.totals.sessionCostUsd ?? 0) - costBeforeUsd, 6);
    expect(second.outcome.usage?.output_tokens).toBe(first.outcome.usage?.output_tokens);

    await saveTranscript({ configDir: place.configDir, sessionUuid: first.sessionId }, saved);
    const kept = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(kept.slice(0, lines.split('\n').length).join('\n'), 'the history before is in the new transcript').toBe(lines);
    expect(kept.every((line) => JSON.parse(line) !== null)).toBe(true);
  });

  test('a fork has its own id and leaves its original as it is', TIMEOUT, async () => {
    const place = join(directory.path, 'forks');
    const first = await drive('[[text n=2]]', { directory: place });
    const original = () => readFileSync(transcriptOf(first, place), 'utf8');
    const before = original();
    const forked = await drive('[[text n=2]]', { directory: place, spec: { session: { mode: 'fork', sessionId: randomUUID(), from: first.sessionId } } });
    expect(forked.tracker.session?.sessionId).toBe(forked.sessionId);
    expect(forked.sessionId).not.toBe(first.sessionId);
    expect(original()).toBe(before);
    expect(readFileSync(transcriptOf(forked, place), 'utf8').length).toBeGreaterThan(0);
  });
});

describe('denials', () => {
  const asked: readonly [string, object][] = [
    ['a simple command', bash('node -e 1')],
    ['a command that writes outside the workspace', bash('touch ../outside')],
    ['a command that reads outside the workspace', bash('ls /etc')],
    ['a composed command', bash('node -e 1 && node -e 2 > ../outside')],
    ['a file outside the workspace', { tool: 'Write', input: { file_path: '{{cwd}}/../outside', content: 'x' } }],
    ['a file that may not be read', { tool: 'Read', input: { file_path: '/etc/passwd' } }],
  ];

  test.each(asked)('%s: denied for want of an answer, and the entry that is named lets it pass', TIMEOUT, async (_, block) => {
    const prompt = script([block], [{ text: 'end' }]);
    const denied = await drive(prompt);
    expect(denied.outcome.failure?.code).toBe('permission_unanswered');
    expect(denied.outcome.result).toBe('end');
    const entry = allowedToolsEntry(denied.tracker.denials[0]!);
    expect(denied.outcome.failure?.message).toContain(JSON.stringify(entry));
    const allowed = await drive(prompt, { spec: { allowedTools: [entry!] } });
    expect(allowed.tracker.denials).toEqual([]);
    expect(allowed.outcome.status).toBe('succeeded');
  });

  test.each([
    ['dontAsk', { permissionMode: 'dontAsk' as const }],
    ['plan', { permissionMode: 'plan' as const }],
    ['a rule', { disallowedTools: ['Bash(node *)', 'Bash(touch *)'] }],
  ])('by %s are somebody’s decision and spoil nothing', TIMEOUT, async (_, spec) => {
    const driven = await drive(script([bash('node -e 1'), bash('touch ../outside')], [{ text: 'end' }]), { spec });
    expect(driven.tracker.denials.map((denial) => denial.unanswered)).toEqual([false, false]);
    expect(driven.outcome.status).toBe('succeeded');
  });

  test('of a command that no rule can allow name no entry', TIMEOUT, async () => {
    const driven = await drive(script([bash('rm -rf /')], [{ text: 'end' }]), { spec: { allowedTools: ['Bash'] } });
    expect(driven.outcome.failure).toMatchObject({ code: 'permission_unanswered', message: expect.not.stringContaining('Allowed by') });
  });
});

function configDirOf(driven: Driven): string {
  const memory = driven.messages.find((message) => message['subtype'] === 'init')?.['memory_paths'] as { auto: string };
  return memory.auto.slice(0, memory.auto.indexOf('/projects/'));
}

function transcriptOf(driven: Driven, place: string): string {
  const projects = join(place, 'config', 'projects');
  return join(projects, readdirSync(projects)[0]!, `${driven.sessionId}.jsonl`);
}
