// Ends a claude process before it ends by itself: ordered, left to another worker, or because the lease is gone.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopClaude, sweep } from '@runyard/claude';
import type { ClaudeProcess, TurnTracker } from '@runyard/claude';
import type { ActiveRun } from './active-runs.js';
import type { ToolGate } from './tool-gate.js';

const LOOK_EVERY_MS = 50;
/** How long the log may take to have what is written before the stop. */
const FLUSH_MS = 2000;

/** The ladder for an ordered stop; for a lost lease the short way, because somebody else may claim the run soon. Returns when the process ends by itself. */
export async function stopWhenOrdered(claude: ClaudeProcess, active: ActiveRun): Promise<void> {
  const ended = claude.ended.then(() => 'ended' as const);
  const ordered = active.orders.ordered.then(() => 'ordered' as const);
  const first = await Promise.race([ended, ordered, aborted(active.lost)]);
  if (first === 'ended') return;
  if (first === 'ordered') await Promise.race([stopClaude(claude, { mark: active.mark }), aborted(active.lost)]);
  if (active.lost.aborted) await sweep(active.mark, claude.pid === undefined ? {} : { rootPid: claude.pid });
}

export interface Leaving {
  readonly claude: Pick<ClaudeProcess, 'ended' | 'running'>;
  readonly gate: Pick<ToolGate, 'hold' | 'isChanging' | 'waiting'>;
  readonly tracker: Pick<TurnTracker, 'openTools' | 'backgroundTaskCount'>;
}

/**
 * When the worker wants to stop: no further tool starts, those at work may end, then the process is stopped. What is at work after
 * all is told by the log: `run.interrupted` is written before the stop, and results behind it are results of the stop.
 */
export async function leaveWhenAsked({ claude, gate, tracker }: Leaving, active: ActiveRun): Promise<void> {
  await Promise.race([claude.ended, aborted(active.leaving)]);
  if (!claude.running || !active.leaving.aborted) return;
  gate.hold();
  const isClean = (): boolean => !gate.isChanging(tracker.openTools) && tracker.backgroundTaskCount === 0;
  while (claude.running && !isClean() && !active.hurried.aborted && active.orders.current === undefined) await sleep(LOOK_EVERY_MS);
  if (!claude.running || active.orders.current !== undefined) return;
  // Its place before all that the stop causes is sure: events keep their order. That it is there before the stop cannot be waited for when Redis is full.
  void active.events.write('run.interrupted', JSON.stringify({ reason: 'handed_over', clean: isClean(), held: gate.waiting }));
  await Promise.race([active.events.flushed(), sleep(FLUSH_MS, undefined, { ref: false })]);
  active.orders.order('handed_over', 'The worker is stopping.');
}

async function aborted(signal: AbortSignal): Promise<'aborted'> {
  if (!signal.aborted) await once(signal, 'abort');
  return 'aborted';
}
