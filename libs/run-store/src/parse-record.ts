// The fields of a run's hash → RunRecord.
import type { CreateRun, Outcome, QueuedReason, RunStatus, Trigger, WaitingFor } from '@runyard/domain';
import type { LeaveReason, RecoveryDecision } from './leaving.js';
import { isoOf, mapOf } from './reply.js';
import type { LogPlace, RunRecord } from './run-record.js';

/** What the Lua function `record` answers → RunRecord, or undefined when there is no such run. */
export function maybeRecordOf(reply: unknown): RunRecord | undefined {
  const fields = mapOf(reply);
  return fields.has('status') ? fromFields(fields) : undefined;
}

/** The same where the script made sure that the run exists. */
export function recordOf(reply: unknown): RunRecord {
  const record = maybeRecordOf(reply);
  if (record === undefined) throw new TypeError('a script answered no run');
  return record;
}

function fromFields(fields: ReadonlyMap<string, string>): RunRecord {
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new TypeError(`the record of run ${fields.get('id')} has no ${name}`);
    return value;
  };
  const number = (name: string) => (fields.has(name) ? Number(fields.get(name)) : null);
  const time = (name: string) => (fields.has(name) ? isoOf(Number(fields.get(name))) : null);
  const leaseUntilMs = number('lease_until');
  // The words below were written by our own scripts from typed values.
  return {
    id: required('id'),
    status: required('status') as RunStatus,
    attempt: Number(required('attempt')),
    dispatch: Number(required('dispatch')),
    seq: Number(required('seq')),
    queuedReason: (fields.get('queued_reason') ?? null) as QueuedReason | null,
    waitingFor: (fields.get('waiting_for') ?? null) as WaitingFor | null,
    held: fields.get('held') === '1',
    leaseUntilMs,
    leaseExpired: fields.get('status') === 'running' && (leaseUntilMs ?? 0) <= Number(required('now')),
    priority: number('priority') ?? 0,
    queuePosition: number('position'),
    runAt: time('run_at'),
    expiresAt: time('expires'),
    retryOf: fields.get('retry_of') ?? null,
    scheduleId: fields.get('schedule') ?? null,
    workerId: fields.get('worker') ?? null,
    request: JSON.parse(required('request')) as CreateRun,
    trigger: required('trigger') as Trigger,
    sessionId: required('session'),
    continues: fields.get('continues') === '1',
    forkOf: fields.get('fork_of') ?? null,
    model: fields.get('model') ?? null,
    cancelRequestedAt: time('cancel_requested'),
    createdAt: isoOf(Number(required('created'))),
    startedAt: time('started'),
    endedAt: time('ended'),
    outcome: fields.has('outcome') ? (JSON.parse(required('outcome')) as Outcome) : null,
    log: required('log') as LogPlace,
    spawned: number('spawned') ?? 0,
    left: (fields.get('left') ?? null) as LeaveReason | null,
    losses: number('losses') ?? 0,
    decision: (fields.get('decision') ?? null) as RecoveryDecision | null,
    resumesAt: time('resumes_at'),
    waitingDetail: fields.get('waiting_detail') ?? null,
    v: number('v') ?? 1,
  };
}
