// Drives one claude process from its first message to its end, as the worker does. For specs only.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Outcome } from '@runyard/domain';
import { buildArguments } from '../arguments.js';
import type { ClaudeSpec } from '../arguments.js';
import { startClaude } from '../claude-process.js';
import type { ClaudeExit, ClaudeProcess } from '../claude-process.js';
import { buildEnvironment } from '../environment.js';
import { parseMessage } from '../message-peek.js';
import type { JsonObject } from '../message-peek.js';
import { outcomeOf } from '../outcome.js';
import { sweep } from '../process-tree.js';
import { gateAnswer, hookCallbackOf, initializeMessage } from '../tool-gate.js';
import type { HookCallback } from '../tool-gate.js';
import { TurnTracker } from '../turns.js';

export interface Drive {
  readonly bin: string;
  /** Holds home, config, tmp and the workspace of the run; made when they are not there. */
  readonly directory: string;
  readonly prompt: unknown;
  readonly modelUrl?: string;
  readonly spec?: Partial<ClaudeSpec>;
  /** Wins over everything that the builder sets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly configDir?: string;
  readonly cwd?: string;
  readonly mark?: string;
  readonly costBeforeUsd?: number;
  /** Asked about each tool at the gate: true lets it through, false leaves it waiting. Left out: all go through. */
  readonly gate?: (call: HookCallback, claude: ClaudeProcess) => boolean;
  /** Called with each message; the process is there for signals, input and interrupts. */
  readonly onMessage?: (message: JsonObject, claude: ClaudeProcess) => void;
}

export interface Driven {
  readonly exit: ClaudeExit;
  readonly outcome: Outcome;
  readonly tracker: TurnTracker;
  readonly messages: readonly JsonObject[];
  /** Lines of stdout that are no messages. */
  readonly garbage: readonly string[];
  readonly stderr: string;
  readonly sessionId: string;
}

export interface Directories {
  readonly home: string;
  readonly configDir: string;
  readonly tmpDir: string;
  readonly cwd: string;
}

export function directoriesOf(drive: Pick<Drive, 'directory' | 'configDir' | 'cwd'>): Directories {
  const made = {
    home: join(drive.directory, 'home'),
    configDir: drive.configDir ?? join(drive.directory, 'config'),
    tmpDir: join(drive.directory, 'tmp'),
    cwd: drive.cwd ?? join(drive.directory, 'workspace'),
  };
  for (const path of Object.values(made)) mkdirSync(path, { recursive: true });
  return made;
}

export async function driveClaude(drive: Drive): Promise<Driven> {
  const tracker = new TurnTracker();
  const messages: JsonObject[] = [];
  const garbage: string[] = [];
  const mark = drive.mark ?? `spec-${randomUUID()}`;
  const session = drive.spec?.session ?? { mode: 'start', sessionId: randomUUID() };
  const { cwd, home, configDir, tmpDir } = directoriesOf(drive);
  const hostEnv = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, ANTHROPIC_BASE_URL: drive.modelUrl ?? 'http://127.0.0.1:9', ANTHROPIC_API_KEY: 'sk-ant-not-a-key' };
  const built = buildEnvironment({ hostEnv, home, configDir, tmpDir, mark, maxRetries: 1, apiTimeoutMs: 20_000 });
  const claude = startClaude({
    bin: drive.bin,
    args: buildArguments({ permissionMode: 'acceptEdits', trust: 'none', ...drive.spec, session }),
    env: { ...built, ...drive.env },
    cwd,
    onLine: (line, peek) => {
      const message = parseMessage(line, peek);
      if (message === undefined) garbage.push(line.toString('latin1'));
      else messages.push(message);
      tracker.feed(line, peek, performance.now());
      const call = message === undefined ? undefined : hookCallbackOf(message);
      if (call !== undefined && drive.gate?.(call, claude) !== false) {
        tracker.gateAnswered(call.requestId);
        void claude.send(gateAnswer(call.requestId));
      }
      if (message !== undefined) drive.onMessage?.(message, claude);
      if (tracker.readyToClose(performance.now())) claude.closeInput();
    },
    onStderr: () => undefined,
  });
  const uuid = randomUUID();
  // As the worker does: the gate first, and no waiting for the answer.
  void claude.send(initializeMessage());
  tracker.sent(uuid);
  await claude.send({ type: 'user', uuid, message: { role: 'user', content: drive.prompt } });
  // Some moments in which it may close come without a message.
  const asking = setInterval(() => {
    if (tracker.readyToClose(performance.now())) claude.closeInput();
  }, 500);
  const exit = await claude.exited.finally(() => clearInterval(asking));
  await sweep(mark, claude.pid === undefined ? {} : { rootPid: claude.pid });
  const outcome = outcomeOf({
    exit,
    tracker,
    stderr: claude.stderrTail(),
    requestedSchema: drive.spec?.outputSchema !== undefined,
    costBeforeUsd: drive.costBeforeUsd ?? 0,
  });
  return { exit, outcome, tracker, messages, garbage, stderr: claude.stderrTail(), sessionId: session.sessionId };
}

/** The real binary; a spec that cannot find it fails and says why. */
export function requireBinary(binary: { readonly path: string } | { readonly missing: string }): string {
  if ('missing' in binary) throw new Error(binary.missing);
  return binary.path;
}
