// A run as the API shows it, and lists of runs.
import { z } from 'zod';
import { Metadata, Priority, Prompt } from './create-run.js';
import { idSchema } from './ids.js';
import { Usage } from './events.js';
import { Failure } from './failure-codes.js';
import { LIMITS } from './limits.js';
import { QueuedReason, RunStatus, WaitingFor } from './run-state.js';
import { WorkspaceRequest } from './workspace-request.js';

const time = z.iso.datetime();

export const TRIGGERS = ['api', 'cli', 'ui', 'schedule', 'github', 'slack', 'hook', 'mcp', 'chat'] as const;
export const Trigger = z.enum(TRIGGERS).meta({ id: 'Trigger' });
export type Trigger = z.infer<typeof Trigger>;

export const PendingRequest = z
  .object({ request_id: z.string(), kind: z.string(), tool_name: z.string().nullable(), input: z.unknown(), created_at: time })
  .meta({ id: 'PendingRequest' });

export const Run = z
  .object({
    id: z.string(),
    object: z.literal('run'),
    status: RunStatus,
    reason: z.string().nullable().describe('The failure code of a failed run; `lease_expired` while the fate of a lost worker is undecided; of a waiting run, for people, why it waits.'),
    queued_reason: QueuedReason.nullable(),
    waiting_for: WaitingFor.nullable(),
    held: z.boolean().describe('A waiting run that keeps its process and its place on a worker.'),
    resumes_at: time.nullable().describe('When a waiting run goes on by itself; null while that is not known, or somebody has to decide.'),
    queue_position: z.int().nullable().describe('Place among the runs that wait for a worker, from 1.'),
    priority: Priority.describe('A higher number is taken sooner.'),
    run_at: time.nullable().describe('It was not to start before this time.'),
    expires_at: time.nullable().describe('Not started by then it ends as expired.'),
    cancel_requested_at: time.nullable(),
    name: z.string().nullable(),
    prompt: Prompt,
    session_id: z.string(),
    profile: z.string().nullable(),
    model: z.string().nullable().describe('The model asked for until Claude says which one it uses.'),
    trigger: Trigger,
    attempt: z.int().describe('How many times a worker has claimed the run.'),
    worker_id: z.string().nullable(),
    created_at: time,
    started_at: time.nullable(),
    ended_at: time.nullable(),
    result: z.string().nullable(),
    structured_output: z.unknown().nullable(),
    failure: Failure.nullable(),
    usage: Usage.nullable(),
    cost_usd: z.number().nullable(),
    cost_estimated: z.boolean(),
    num_turns: z.int().nullable(),
    duration_ms: z.int().nullable(),
    pending: z.array(PendingRequest),
    retry_of: z.string().nullable(),
    schedule_id: z.string().nullable(),
    workspace: WorkspaceRequest,
    urls: z.object({ self: z.string(), events: z.string(), ui: z.string().nullable(), diff: z.string().nullable() }),
    metadata: Metadata,
    tags: z.array(z.string()),
  })
  .meta({ id: 'Run', description: 'One request to run Claude Code once.' });
export type Run = z.infer<typeof Run>;

const pageSize = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback);

const filters = {
  status: RunStatus.optional(),
  session_id: z.string().max(100).optional(),
  schedule_id: z.string().max(100).optional(),
  tag: z.string().min(1).max(LIMITS.tagLength).optional(),
  trigger: Trigger.optional(),
  created_after: z.iso.datetime({ offset: true }).optional(),
  created_before: z.iso.datetime({ offset: true }).optional(),
};

export const ListRunsQuery = z
  .strictObject({
    limit: pageSize(LIMITS.pageSize, LIMITS.defaultPageSize),
    page: z.string().max(200).optional().describe('next_page of the page before.'),
    ...filters,
  })
  .meta({ id: 'ListRunsQuery' });
export type ListRunsQuery = z.infer<typeof ListRunsQuery>;

/** Which runs are meant: all conditions hold. */
export const RunFilter = z.strictObject(filters).meta({ id: 'RunFilter' });
export type RunFilter = z.infer<typeof RunFilter>;

export const CancelRuns = z
  .union([
    z.strictObject({ ids: z.array(idSchema('run')).min(1).max(LIMITS.idsAtOnce) }),
    z.strictObject({ filter: RunFilter.describe('{} means every run that is not over.') }),
  ])
  .meta({ id: 'CancelRuns', description: 'Which runs to cancel: a list of ids, or a filter.' });
export type CancelRuns = z.infer<typeof CancelRuns>;

export const CancelCounts = z
  .object({
    object: z.literal('cancel_counts'),
    canceled: z.int().describe('Ended at once.'),
    requested: z.int().describe('Running: they end within seconds.'),
    already_terminal: z.int(),
    not_found: z.int(),
    more: z.boolean().describe('True when the filter fits more runs than one request ends: ask again.'),
  })
  .meta({ id: 'CancelCounts' });
export type CancelCounts = z.infer<typeof CancelCounts>;

export const MoveRun = z.strictObject({ priority: Priority }).meta({ id: 'MoveRun' });
export type MoveRun = z.infer<typeof MoveRun>;

export const RECOVER_ACTIONS = ['resume', 'restart', 'abandon'] as const;

export const RecoverRun = z
  .strictObject({
    action: z.enum(RECOVER_ACTIONS).describe('resume: go on with the conversation · restart: begin again · abandon: end the run as failed.'),
  })
  .meta({ id: 'RecoverRun', description: 'What shall become of a run that waits for recovery.' });
export type RecoverRun = z.infer<typeof RecoverRun>;

/** Filters of the contract that this version refuses with `not_available`. */
export const LIST_RUNS_NOT_AVAILABLE = ['profile'] as const;

export const RunList = z.object({ data: z.array(Run), next_page: z.string().nullable() }).meta({ id: 'RunList' });
export type RunList = z.infer<typeof RunList>;

/** True for runs that will not change by themselves: the moment `Prefer: wait` waits for. */
export function isSettled(run: Pick<Run, 'status'>): boolean {
  return run.status === 'waiting' || run.status === 'succeeded' || run.status === 'failed' || run.status === 'canceled';
}
