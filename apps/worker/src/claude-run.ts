// A claude process while it lives: its lines go into the log, its tools through the gate, its limits are watched.
import { gateRefusal, hookCallbackOf, initializeMessage, OomKills, parseMessage, startClaude } from '@runyard/claude';
import type { ClaudeExit, ClaudeProcess, Peek, TreeWatch, TurnTracker } from '@runyard/claude';
import type { CreateRun } from '@runyard/domain';
import type { ActiveRun } from './active-runs.js';
import type { AttemptFile } from './attempt-file.js';
import { bashTimes, userMessage } from './claude-command.js';
import type { ClaudeCommand } from './claude-command.js';
import { crashOnLine, crashPoint } from './crash-points.js';
import { leaveWhenAsked, stopWhenOrdered } from './end-process.js';
import { mcpProblem } from './mcp-check.js';
import { MessageForwarder } from './message-forwarder.js';
import { monotonicMs } from './monotonic-clock.js';
import { credentialRedactor } from './redact-text.js';
import type { SecretRedactor } from './secret-redactor.js';
import { ToolGate } from './tool-gate.js';
import { noteTool } from './tool-note.js';
import { checkWatchdogs, WATCH_EVERY_MS } from './watchdogs.js';
import type { WorkerParts } from './worker-parts.js';

export interface ProcessEnd {
  readonly exit: ClaudeExit;
  /** The tail of it. */
  readonly stderr: string;
  /** Processes of this machine or container that the kernel ended for want of memory in the last seconds before this one's end. */
  readonly oomKills: number;
}

export interface Task {
  readonly bin: string;
  readonly command: ClaudeCommand;
  readonly tracker: TurnTracker;
  readonly redactor: SecretRedactor;
  readonly notes: AttemptFile;
  /** Notes what the process starts. */
  readonly tree: TreeWatch;
  readonly prompt: CreateRun['prompt'];
}

/** A run that has come so far before it is lost is not poisonous. */
const PROGRESS_MS = 5 * 60_000;

/** Starts the process and returns when it is gone; what it has started may still be there. */
export async function runProcess(task: Task, active: ActiveRun, parts: WorkerParts): Promise<ProcessEnd> {
  const { bin, command, tracker } = task;
  let inputClosedAtMs: number | undefined;
  const endInputWhenDone = (): void => {
    if (inputClosedAtMs !== undefined || !tracker.readyToClose(monotonicMs())) return;
    inputClosedAtMs = monotonicMs();
    claude.closeInput();
  };
  const forwarder = forwarderOf(task, endInputWhenDone, active, parts);
  const gate = new ToolGate({
    send: (message) => claude.send(message),
    flushed: () => active.events.flushed(),
    noted: (call) => noteTool(call, task, active, parts),
    onReleased: (requestId) => tracker.gateAnswered(requestId),
  });
  const oomKills = await OomKills.watch();
  const startedAtMs = monotonicMs();
  const claude = startClaude({ bin, ...command, onLine: (line, peek) => take(line, peek, forwarder, gate, active), onStderr: (text) => forwarder.onStderr(text) });
  void claude.ended.then(() => active.events.hasten());
  if (claude.pid !== undefined) {
    parts.warden.process(active.mark, claude.pid);
    task.tree.watch(claude.pid);
  }
  crashPoint('K1', active.run.id, active.lease.attempt);
  const limits = { ...parts.settings, bashTimes: bashTimes(parts.hostEnvironment) };
  const watch = setInterval(() => {
    endInputWhenDone();
    checkWatchdogs({ tracker, startedAtMs, silentSinceMs: forwarder.silentSinceMs, inputClosedAtMs }, limits, active.orders, monotonicMs());
  }, WATCH_EVERY_MS);
  // Again and again: the call may fail, or come before the first message.
  const progress = setInterval(() => noteProgress(tracker, active, parts), PROGRESS_MS);
  try {
    const killed = claude.ended.then(() => oomKills.recent());
    const [exit] = await Promise.all([claude.exited, stopWhenOrdered(claude, active), leaveWhenAsked({ claude, gate, tracker }, active), begin(claude, forwarder, task, active, parts)]);
    return { exit, stderr: claude.stderrTail(), oomKills: await killed };
  } finally {
    // Nobody is there any more who could use a tool.
    gate.hold();
    oomKills.close();
    clearInterval(watch);
    clearInterval(progress);
  }
}

function forwarderOf({ command, tracker, redactor }: Task, onLine: () => void, active: ActiveRun, parts: WorkerParts): MessageForwarder {
  return new MessageForwarder({
    events: active.events,
    tracker,
    redact: credentialRedactor(command.env),
    secrets: redactor,
    onModel: (model) => noteModel(model, active, parts),
    onAnswer: () => tellOfAnswer(active, parts),
    onLine,
  });
}

/** A line of the CLI: into the log first; the gate lets its tool go when the log has it. */
function take(line: Buffer, peek: Peek, forwarder: MessageForwarder, gate: ToolGate, { run, lease, orders }: ActiveRun): void | Promise<void> {
  crashOnLine(line, peek, run.id, lease.attempt);
  const room = forwarder.onLine(line, peek);
  const callback = peek.kind === 'message' && peek.type === 'control_request' ? hookCallbackOf(parseMessage(line, peek) ?? {}) : undefined;
  if (callback !== undefined) void gate.take(callback);
  const refusal = peek.kind === 'message' && peek.type === 'control_response' ? gateRefusal(parseMessage(line, peek) ?? {}) : undefined;
  if (refusal !== undefined) orders.order('internal', `This version of the CLI does not let Runyard know of tools before they start: ${refusal}`);
  return room;
}

/** Registers the gate, then asks what is to be asked before the prompt is sent. */
async function begin(claude: ClaudeProcess, forwarder: MessageForwarder, { tracker, redactor, prompt }: Task, active: ActiveRun, parts: WorkerParts): Promise<void> {
  const first = userMessage(prompt);
  tracker.sent(first.uuid);
  void claude.send(initializeMessage());
  forwarder.hideAnswers = true;
  await checkServers(claude, redactor, active, parts);
  if (active.orders.current !== undefined || active.lost.aborted) return;
  forwarder.hideAnswers = false;
  void claude.send(first.message);
}

/** A run whose MCP servers cannot be used is ended before its prompt is sent. */
async function checkServers(claude: ClaudeProcess, redactor: SecretRedactor, active: ActiveRun, { log }: WorkerParts): Promise<void> {
  const servers = active.run.request.mcp_servers ?? {};
  if (Object.keys(servers).length === 0) return;
  const problem = await mcpProblem({ claude, servers, over: () => active.orders.current !== undefined || active.lost.aborted });
  if (problem === 'unknown') log.warn({ run_id: active.run.id }, 'the state of the MCP servers is not known');
  else if (problem !== undefined) active.orders.order('invalid_options', redactor.text(problem));
}

function tellOfAnswer({ credential, run }: ActiveRun, { id, store, settings, log }: WorkerParts): void {
  if (settings.upstreamWaitMs === 0) return;
  store.upstream.succeeded(credential, run.id, 0, id).catch((error: unknown) => log.warn({ run_id: run.id, err: error }, 'nobody was told that the provider answers'));
}

function noteModel(model: string, { lease, run }: ActiveRun, { store, log }: WorkerParts): void {
  store.noteModel(lease, model).catch((error: unknown) => log.warn({ run_id: run.id, err: error }, 'the model was not noted'));
}

function noteProgress(tracker: TurnTracker, { lease, run }: ActiveRun, { store, log }: WorkerParts): void {
  if (!tracker.sawMessage) return;
  store.noteProgress(lease).catch((error: unknown) => log.warn({ run_id: run.id, err: error }, 'progress was not noted'));
}
