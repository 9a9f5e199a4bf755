// Step 4: one claude process from its start until nothing of it is left, and what came of it.
import { once } from 'node:events';
import { outcomeOf, sessionCostAfter, startClaude, stopClaude, sweep, TurnTracker } from '@runyard/claude';
import type { ClaudeExit, ClaudeProcess } from '@runyard/claude';
import { failure } from '@runyard/domain';
import type { Outcome } from '@runyard/domain';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import { bashTimes, claudeCommand, promptMessage } from './claude-command.js';
import type { ClaudeCommand } from './claude-command.js';
import { mcpProblem } from './mcp-check.js';
import { MessageForwarder } from './message-forwarder.js';
import { monotonicMs } from './monotonic-clock.js';
import { failedOutcome } from './outcomes.js';
import { credentialRedactor } from './redact-text.js';
import type { RunSecrets } from './run-secrets.js';
import { SecretRedactor } from './secret-redactor.js';
import type { OpenSession } from './session.js';
import { checkWatchdogs, WATCH_EVERY_MS } from './watchdogs.js';
import type { WorkerParts } from './worker-parts.js';

export interface Conversation {
  readonly outcome: Outcome;
  /** What the session has cost in all. */
  readonly sessionCostUsd: number;
}

const SWEEPS_AT_MOST = 6;

/** Runs Claude. When it returns, no process of the run is left, or the log says which one could not be ended. */
export async function converse(active: ActiveRun, workspace: ReadyWorkspace, session: OpenSession, parts: WorkerParts, secrets: RunSecrets): Promise<Conversation> {
  const binary = parts.claude.find();
  const { costBeforeUsd } = session;
  if ('missing' in binary) return { outcome: failedOutcome(failure('claude_not_found', binary.missing)), sessionCostUsd: costBeforeUsd };
  const command = await claudeCommand(active, workspace, session, parts, secrets);
  const redactor = new SecretRedactor(secrets);
  const tracker = new TurnTracker({ onToolResult: (tool, result) => parts.metrics.toolCall(tool, result) });

  try {
    const { exit, stderr } = await runProcess(binary.path, { command, tracker, redactor }, active, parts);
    const { current: stop } = active.orders;
    const outcome = outcomeOf({ exit, tracker, stderr: redactor.text(stderr), costBeforeUsd, stop, requestedSchema: active.run.request.output_schema !== undefined });
    countSpending(outcome, tracker.session?.model, parts);
    return { outcome, sessionCostUsd: sessionCostAfter(tracker.totals, costBeforeUsd) };
  } finally {
    await sweepUntilNothingIsLeft(active, parts);
  }
}

/** Here and not when the run ends: what an attempt has spent is spent, also when its outcome is refused later. */
function countSpending({ usage, cost_usd }: Outcome, model: string | undefined, { metrics }: WorkerParts): void {
  if (usage === null) return;
  const tokens = { input: usage.input_tokens, output: usage.output_tokens, cache_read: usage.cache_read_input_tokens, cache_creation: usage.cache_creation_input_tokens };
  metrics.spent({ model: model ?? 'unknown', tokens, costUsd: cost_usd ?? 0 });
}

interface ProcessEnd {
  readonly exit: ClaudeExit;
  readonly stderr: string;
}

interface Task {
  readonly command: ClaudeCommand;
  readonly tracker: TurnTracker;
  readonly redactor: SecretRedactor;
}

async function runProcess(bin: string, { command, tracker, redactor }: Task, active: ActiveRun, parts: WorkerParts): Promise<ProcessEnd> {
  let inputClosedAtMs: number | undefined;
  const endInputWhenDone = (): void => {
    if (inputClosedAtMs !== undefined || !tracker.readyToClose(monotonicMs())) return;
    inputClosedAtMs = monotonicMs();
    claude.closeInput();
  };
  const forwarder = new MessageForwarder({
    events: active.events,
    tracker,
    redact: credentialRedactor(command.env),
    secrets: redactor,
    onModel: (model) => noteModel(model, active, parts),
    onLine: endInputWhenDone,
  });
  const startedAtMs = monotonicMs();
  const claude = startClaude({ bin, ...command, onLine: (line, peek) => forwarder.onLine(line, peek), onStderr: (text) => forwarder.onStderr(text) });
  if (claude.pid !== undefined) parts.warden.process(active.mark, claude.pid);
  const limits = { ...parts.settings, bashTimes: bashTimes(parts.hostEnvironment) };
  const watch = setInterval(() => {
    endInputWhenDone();
    const { silentSinceMs } = forwarder;
    checkWatchdogs({ tracker, startedAtMs, silentSinceMs, inputClosedAtMs }, limits, active.orders, monotonicMs());
  }, WATCH_EVERY_MS);
  try {
    const prompt = promptMessage(active.run.request.prompt);
    tracker.sent(prompt.uuid);
    const begin = async (): Promise<void> => {
      forwarder.hideAnswers = true;
      await checkServers(claude, redactor, active, parts);
      if (active.orders.current !== undefined || active.lost.aborted) return;
      forwarder.hideAnswers = false;
      void claude.send(prompt.message);
    };
    const [exit] = await Promise.all([claude.exited, stopWhenOrdered(claude, active), begin()]);
    return { exit, stderr: claude.stderrTail() };
  } finally {
    clearInterval(watch);
  }
}

/** A run whose MCP servers cannot be used is ended before its prompt is sent. */
async function checkServers(claude: ClaudeProcess, redactor: SecretRedactor, active: ActiveRun, { log }: WorkerParts): Promise<void> {
  const servers = active.run.request.mcp_servers ?? {};
  if (Object.keys(servers).length === 0) return;
  const problem = await mcpProblem({ claude, servers, over: () => active.orders.current !== undefined || active.lost.aborted });
  if (problem === 'unknown') log.warn({ run_id: active.run.id }, 'the state of the MCP servers is not known');
  else if (problem !== undefined) active.orders.order('invalid_options', redactor.text(problem));
}

function noteModel(model: string, { lease, run }: ActiveRun, { store, log }: WorkerParts): void {
  store.noteModel(lease, model).catch((error: unknown) => log.warn({ run_id: run.id, err: error }, 'the model was not noted'));
}

/** The ladder for an ordered stop; for a lost lease the short way, because somebody else may claim the run soon. Returns when the process ends by itself. */
async function stopWhenOrdered(claude: ClaudeProcess, active: ActiveRun): Promise<void> {
  const ended = claude.ended.then(() => 'ended' as const);
  const ordered = active.orders.ordered.then(() => 'ordered' as const);
  const first = await Promise.race([ended, ordered, lost(active.lost)]);
  if (first === 'ended') return;
  if (first === 'ordered') await Promise.race([stopClaude(claude, { mark: active.mark }), lost(active.lost)]);
  if (active.lost.aborted) await sweep(active.mark, claude.pid === undefined ? {} : { rootPid: claude.pid });
}

async function lost(signal: AbortSignal): Promise<'lost'> {
  if (!signal.aborted) await once(signal, 'abort');
  return 'lost';
}

async function sweepUntilNothingIsLeft(active: ActiveRun, { log }: WorkerParts): Promise<void> {
  for (let round = 0; round < SWEEPS_AT_MOST; round += 1) {
    const { left } = await sweep(active.mark);
    if (left.length === 0) return;
    log.error({ run_id: active.run.id, pids: left }, 'processes of the run do not die');
  }
}
