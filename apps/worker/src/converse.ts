// Step 6: one claude process from its start until nothing of it is left, and what came of it.
import { outcomeOf, sweep, TreeWatch, TurnTracker, upstreamTrouble } from '@runyard/claude';
import type { ClaudeExit, ProcessEntry, Spending, UpstreamTrouble } from '@runyard/claude';
import { failure } from '@runyard/domain';
import type { CreateRun, Outcome } from '@runyard/domain';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import type { AttemptFile } from './attempt-file.js';
import { claudeCommand } from './claude-command.js';
import type { CommandLimits } from './claude-command.js';
import { runProcess } from './claude-run.js';
import type { ProcessEnd } from './claude-run.js';
import { failedOutcome } from './outcomes.js';
import type { RunSecrets } from './run-secrets.js';
import { SecretRedactor } from './secret-redactor.js';
import type { OpenSession } from './session.js';
import { isFinal } from './stop-orders.js';
import type { WorkerParts } from './worker-parts.js';

/** What a conversation is made of. */
export interface Preparation {
  readonly workspace: ReadyWorkspace;
  readonly session: OpenSession;
  readonly secrets: RunSecrets;
  readonly notes: AttemptFile;
  /** The run's prompt, or a note to a conversation that goes on. */
  readonly prompt: CreateRun['prompt'];
  readonly limits: CommandLimits;
}

export interface Conversation {
  /** Of this process alone. */
  readonly outcome: Outcome;
  /** The same, when the transcript says what the session has cost in all, which it may do for a turn that was cut off. */
  spent(costAfterUsd: number | undefined): Spending;
  /** The CLI has opened its session: what came after that is the run's. */
  readonly hasBegun: boolean;
  /** The process was stopped so that another worker goes on; the outcome means nothing then. */
  readonly leftUnfinished: boolean;
  /** The provider refused, and waiting may help. */
  readonly trouble: UpstreamTrouble | undefined;
}

const SWEEPS_AT_MOST = 6;

/** Runs Claude. When it returns, no process of the run is left, or the log says which one could not be ended. */
export async function converse(active: ActiveRun, given: Preparation, parts: WorkerParts): Promise<Conversation> {
  const { costBeforeUsd } = given.session;
  const binary = parts.claude.find();
  if ('missing' in binary) {
    const outcome = failedOutcome(failure('claude_not_found', binary.missing));
    return { outcome, spent: () => outcome, hasBegun: false, leftUnfinished: false, trouble: undefined };
  }
  const command = await claudeCommand(active, given.workspace, given.session, given.limits, parts, given.secrets);
  const redactor = new SecretRedactor(given.secrets);
  const tracker = new TurnTracker({ onToolResult: (tool, result) => parts.metrics.toolCall(tool, result) });
  const tree = new TreeWatch();
  try {
    const end = await runProcess({ bin: binary.path, command, tracker, redactor, notes: given.notes, tree, prompt: given.prompt }, active, parts);
    return conversationOf(end, { tracker, redactor, costBeforeUsd }, active, parts);
  } finally {
    tree.close();
    await sweepUntilNothingIsLeft(active, tree.known(), parts);
  }
}

interface Heard {
  readonly tracker: TurnTracker;
  readonly redactor: SecretRedactor;
  readonly costBeforeUsd: number;
}

function conversationOf({ exit: told, stderr, oomKills }: ProcessEnd, { tracker, redactor, costBeforeUsd }: Heard, active: ActiveRun, parts: WorkerParts): Conversation {
  const { current } = active.orders;
  const isFinished = tracker.lastResult?.['is_error'] === false && !tracker.hasMoreToSay;
  const wasLeft = current?.reason === 'handed_over';
  const leftUnfinished = wasLeft && !isFinished;
  // It had come to its end when it was stopped: how the process ended is our doing.
  const exit: ClaudeExit = wasLeft && isFinished ? { code: 0, signal: null } : told;
  const stop = current !== undefined && isFinal(current) ? current : undefined;
  const outcome = outcomeOf({ exit, tracker, stderr: redactor.text(stderr), costBeforeUsd, stop, oomKills, requestedSchema: active.run.request.output_schema !== undefined });
  countSpending(outcome, tracker.session?.model, parts);
  const { lastResult: result, errorClass, upstreamSigns: signs } = tracker;
  const trouble = outcome.status === 'failed' && current === undefined ? upstreamTrouble({ result, errorClass, signs, maxRetries: parts.settings.claudeMaxRetries, nowMs: Date.now() }) : undefined;
  const spent = (after: number | undefined): Spending => tracker.usage.spent({ before: costBeforeUsd, after }, tracker.turnOpen);
  return { outcome, spent, hasBegun: tracker.session !== undefined, leftUnfinished, trouble };
}

/** Here and not when the run ends: what an attempt has spent is spent, also when its outcome is refused later. */
function countSpending({ usage, cost_usd }: Outcome, model: string | undefined, { metrics }: WorkerParts): void {
  if (usage === null) return;
  const tokens = { input: usage.input_tokens, output: usage.output_tokens, cache_read: usage.cache_read_input_tokens, cache_creation: usage.cache_creation_input_tokens };
  metrics.spent({ model: model ?? 'unknown', tokens, costUsd: cost_usd ?? 0 });
}

async function sweepUntilNothingIsLeft(active: ActiveRun, known: readonly ProcessEntry[], { log }: WorkerParts): Promise<void> {
  for (let round = 0; round < SWEEPS_AT_MOST; round += 1) {
    const { left } = await sweep(active.mark, { known });
    if (left?.length === 0) return;
    log.error({ run_id: active.run.id, pids: left }, left === undefined ? 'no look at the processes was complete' : 'processes of the run do not die');
  }
}
