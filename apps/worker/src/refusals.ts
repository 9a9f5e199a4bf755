// Claimed runs that this worker ends before anything is started.
import type { Spending } from '@runyard/claude';
import { failure } from '@runyard/domain';
import type { Failure } from '@runyard/domain';
import type { ActiveRun } from './active-runs.js';
import type { WorkerParts } from './worker-parts.js';

/** Why the run is not started, or undefined when it is. */
export function whyNotStarted({ run }: ActiveRun, spent: Spending, { hostEnvironment }: WorkerParts): Failure | undefined {
  const { max_budget_usd: budget } = run.request;
  if (budget !== undefined && (spent.cost_usd ?? 0) >= budget) return failure('max_budget', `The attempts so far have cost $${spent.cost_usd}.`);
  // The CLI refuses this too, with a message that does not name our options.
  if (run.request.permission_mode === 'bypassPermissions' && process.getuid?.() === 0 && hostEnvironment['IS_SANDBOX'] !== '1') {
    return failure('invalid_options', 'permission_mode bypassPermissions is not allowed while the worker runs as root: run it as an ordinary user.');
  }
  return undefined;
}
