// What the API can tell of the whole service, as metrics. Every API process tells the same of it: take the maximum, not the sum.
import type { RunQueue } from '@runyard/run-queue';
import type { RunStore } from '@runyard/run-store';
import type { Metrics } from '@runyard/telemetry';

const UPSTREAM_STATES = ['closed', 'half_open', 'open'] as const;
const STATES = ['ready', 'busy', 'draining', 'lost'] as const;

/** Only workers fill these: here they would be zeros for ever. */
const OF_WORKERS = ['runyard_run_duration_seconds', 'runyard_run_queue_wait_seconds', 'runyard_tokens_total', 'runyard_cost_usd_total', 'runyard_tool_calls_total', 'runyard_stale_writes_refused_total', 'runyard_log_events_restored_total', 'runyard_stale_tickets_total', 'runyard_tickets_passed_on_total'];

/** Adds the gauges; while Redis is away they are left out. Takes out what this process never tells. */
export function tellOfService(metrics: Metrics, { store, queue }: { readonly store: RunStore; readonly queue: RunQueue }): void {
  for (const name of OF_WORKERS) metrics.registry.removeSingleMetric(name);
  metrics.gauge('runyard_event_stream_clients', 'Open event streams of this API process.', () => store.viewers());
  metrics.gauge('runyard_queue_depth', 'Tickets that wait for a worker.', () => queue.depth());
  metrics.gauge('runyard_queue_oldest_wait_seconds', 'How long the run that waits longest for a worker has been waiting; 0 when none waits.', async () => ((await store.queued.backlog()).oldestWaitMs ?? 0) / 1000);
  metrics.gauge('runyard_queue_paused', '1 while workers take no tickets because the queue is paused.', async () => ((await queue.isPaused()) ? 1 : 0));
  metrics.gauges('runyard_runs', 'Runs that are not over.', 'status', async () => {
    const { queued, running, waiting } = await store.counts();
    return { queued, running, waiting };
  });
  metrics.gauges('runyard_runs_waiting', 'Runs that wait for somebody or something outside.', 'waiting_for', () => store.queued.waitingCounts());
  metrics.labelled('runyard_upstream_state', 'The service behind a credential: 0 all runs go, 1 one of them asks, 2 its runs wait. Those of the last day with trouble.', ['credential', 'kind'], async () =>
    (await store.upstream.list()).map(({ credential, kind, state }) => ({ labels: { credential, kind: kind ?? '' }, value: UPSTREAM_STATES.indexOf(state) })),
  );
  metrics.gauges('runyard_workers', 'Workers that were heard of within the last hour.', 'state', async () => {
    const workers = await store.workers();
    return Object.fromEntries(STATES.map((state) => [state, workers.filter((worker) => worker.state === state).length]));
  });
}
