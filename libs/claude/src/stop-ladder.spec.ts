// The ladder on the real CLI in the middle of its work, and on programs that do not want to end.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { fakeClaude, processesWithMark, startDemoModel, temporaryDirectory, waitFor } from '@runyard/testing';
import type { FakeClaude, TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resolveClaudeBinary } from './claude-binary.js';
import { startClaude } from './claude-process.js';
import type { ClaudeProcess } from './claude-process.js';
import { objectField, textField } from './json-fields.js';
import { sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';
import { driveClaude, requireBinary } from './spec-support/drive-claude.js';
import { stopClaude } from './stop-ladder.js';
import type { StopReport } from './stop-ladder.js';

const bin = requireBinary(resolveClaudeBinary());
const MARK = `stop-ladder-spec-${process.pid}`;
let model: TestDemoModel;
let directory: TemporaryDirectory;

beforeAll(async () => {
  [model, directory] = await Promise.all([startDemoModel(), temporaryDirectory()]);
});
afterEach(async () => {
  await sweep(MARK);
});
afterAll(async () => {
  await model.stop();
  await directory.remove();
});

/** Drives the real CLI and stops it in the middle of its first answer or, with `when`, as soon after as that holds; the run's directory is `place`. */
async function driveAndStop(prompt: string, when: (place: string) => boolean = () => true) {
  const place = join(directory.path, randomUUID());
  let report: Promise<StopReport> | undefined;
  const driven = driveClaude({
    bin,
    modelUrl: model.url,
    directory: place,
    prompt,
    mark: MARK,
    spec: { allowedTools: ['Bash'] },
    onMessage: (message, claude) => {
      if (report !== undefined || textField(objectField(message, 'event'), 'type') !== 'content_block_delta') return;
      report = waitThenStop(claude, () => when(place));
      // The run ends also when the moment never came; the error is thrown where the report is awaited.
      report.catch(() => claude.kill('SIGKILL'));
    },
  });
  const result = await driven;
  return { ...result, report: await report, place };
}

async function waitThenStop(claude: ClaudeProcess, when: () => boolean): Promise<StopReport> {
  await waitFor(when, { what: 'the moment to stop', timeoutMs: 90_000 });
  return await stopClaude(claude, { mark: MARK, interruptMs: 20_000, terminateMs: 20_000 });
}

describe('the real CLI', () => {
  test('in the middle of its answer: an interrupt is enough, and the transcript can be resumed', { timeout: 120_000 }, async () => {
    const stopped = await driveAndStop('[[slow n=2000 delay=100]]');
    expect(stopped.report).toEqual({ steps: ['interrupt'], swept: { killed: [], left: [] } });
    expect(stopped.outcome.status).not.toBe('succeeded');
    expect(await processesWithMark(MARK)).toEqual([]);
    const again = await driveClaude({
      bin,
      modelUrl: model.url,
      directory: stopped.place,
      prompt: '[[text n=2]]',
      spec: { session: { mode: 'resume', sessionId: stopped.sessionId } },
    });
    expect(again.outcome.status).toBe('succeeded');
  });

  test('while Bash has started children in sessions of their own: none is left', { timeout: 120_000 }, async () => {
    const command = `setsid perl -e 'sleep 300' & nohup perl -e 'sleep 300' >/dev/null 2>&1 & env -i perl -e 'sleep 300' & touch ready; trap '' TERM; perl -e 'sleep 300'`;
    const stopped = await driveAndStop(`[[bash cmd="${command}"]]`, (place) => existsSync(join(place, 'workspace', 'ready')));
    expect(stopped.report?.swept.left).toEqual([]);
    expect(await processesWithMark(MARK)).toEqual([]);
    expect(stopped.outcome.status).not.toBe('succeeded');
  });

  test('killed behind our back while Bash runs: the sweep finds the orphans', { timeout: 120_000 }, async () => {
    const place = join(directory.path, randomUUID());
    let claude: ClaudeProcess | undefined;
    const run = driveClaude({
      bin,
      modelUrl: model.url,
      directory: place,
      prompt: `[[bash cmd="setsid perl -e 'sleep 300' & touch ready; perl -e 'sleep 300'"]]`,
      mark: MARK,
      spec: { allowedTools: ['Bash'] },
      onMessage: (_, running) => {
        claude = running;
      },
    });
    const killed = waitFor(() => existsSync(join(place, 'workspace', 'ready')), { what: 'Bash', timeoutMs: 90_000 }).finally(() => claude?.kill('SIGKILL'));
    // The driver sweeps when the process has ended.
    const [driven] = await Promise.all([run, killed]);
    expect(driven.outcome.failure?.code).toBe('killed');
    expect(await processesWithMark(MARK)).toEqual([]);
  });
});

describe('programs that do not want to end', () => {
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, [RUN_MARK_ENV]: MARK };

  async function started(name: FakeClaude) {
    const kinds: string[] = [];
    const onLine = (_: Buffer, peek: { kind: string; type?: string }) => void kinds.push(peek.type ?? peek.kind);
    const claude = startClaude({ bin: fakeClaude(name), args: [], env, cwd: directory.path, onLine, onStderr: () => undefined, drainGraceMs: 100 });
    await claude.send({ type: 'user', message: { role: 'user', content: 'hi' } });
    await waitFor(() => kinds.length > 0, { what: 'the first message' });
    return claude;
  }

  test('every rung is tried on one that ignores all of them', async () => {
    const claude = await started('ignores-every-signal');
    expect(await stopClaude(claude, { mark: MARK, interruptMs: 100, terminateMs: 100 })).toMatchObject({ steps: ['interrupt', 'terminate', 'kill'], swept: { left: [] } });
    expect(await claude.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await processesWithMark(MARK)).toEqual([]);
  });

  test('the end of input is enough for one that has no interrupts; SIGTERM for one that ignores that too', async () => {
    const listens = await started('stops-in-the-middle');
    expect((await stopClaude(listens, { mark: MARK, interruptMs: 100, terminateMs: 20_000 })).steps).not.toContain('kill');
    const stays = await started('stays-after-its-result');
    expect((await stopClaude(stays, { mark: MARK, interruptMs: 100, terminateMs: 20_000 })).steps).toEqual(['interrupt', 'terminate']);
    expect(await stays.exited).toMatchObject({ signal: 'SIGTERM' });
  });

  test('a process that is gone already: only its leftovers are swept', async () => {
    const claude = await started('leaves-a-child-with-stdout');
    claude.closeInput();
    await claude.exited;
    const report = await stopClaude(claude, { mark: MARK });
    expect(report.steps).toEqual([]);
    expect(report.swept.killed).toHaveLength(1);
  });

  test('one that never started', async () => {
    const claude = startClaude({ bin: '/no/such/claude', args: [], env, cwd: directory.path, onLine: () => undefined, onStderr: () => undefined });
    expect(await stopClaude(claude, { mark: MARK })).toEqual({ steps: [], swept: { killed: [], left: [] } });
  });
});
