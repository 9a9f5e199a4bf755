// A run as the store keeps it → a run as the API shows it.
import type { Run } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';

/** The `Run` of the contract. URLs are relative, so that they are right behind every proxy. `paused`: no worker takes a run now. */
export function runView(record: RunRecord, paused = false): Run {
  const { request, outcome } = record;
  const self = `/v1/runs/${record.id}`;
  return {
    id: record.id,
    object: 'run',
    status: record.status,
    reason: outcome?.failure?.code ?? (record.leaseExpired ? 'lease_expired' : record.waitingDetail),
    queued_reason: paused && record.queuedReason === 'capacity' ? 'paused' : record.queuedReason,
    waiting_for: record.waitingFor,
    held: record.held,
    resumes_at: record.resumesAt,
    queue_position: record.queuePosition,
    priority: record.priority,
    run_at: record.runAt,
    expires_at: record.expiresAt,
    cancel_requested_at: record.cancelRequestedAt,
    name: request.name ?? null,
    prompt: request.prompt,
    session_id: record.sessionId,
    profile: null,
    model: record.model ?? request.model ?? null,
    trigger: record.trigger,
    attempt: record.attempt,
    worker_id: record.workerId,
    created_at: record.createdAt,
    started_at: record.startedAt,
    ended_at: record.endedAt,
    result: outcome?.result ?? null,
    structured_output: outcome?.structured_output ?? null,
    failure: outcome?.failure ?? null,
    usage: outcome?.usage ?? null,
    cost_usd: outcome?.cost_usd ?? null,
    cost_estimated: outcome?.cost_estimated ?? false,
    num_turns: outcome?.num_turns ?? null,
    duration_ms: outcome?.duration_ms ?? null,
    pending: [],
    retry_of: record.retryOf,
    schedule_id: record.scheduleId,
    workspace: request.workspace ?? { type: 'scratch' },
    urls: { self, events: `${self}/events`, ui: null, diff: null },
    metadata: request.metadata ?? {},
    tags: request.tags ?? [],
  };
}
