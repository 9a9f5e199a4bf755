// Workers and the state of the whole service.
import { z } from 'zod';
import { FailureCode } from './failure-codes.js';

export const WorkerState = z.enum(['ready', 'busy', 'draining', 'lost']).meta({ id: 'WorkerState' });

export const Worker = z
  .object({
    id: z.string(),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    claude_version: z.string().nullable().describe('null when the CLI is missing on the worker.'),
    capacity: z.int().describe('Runs at a time.'),
    busy: z.int(),
    state: WorkerState,
    run_ids: z.array(z.string()),
    started_at: z.iso.datetime(),
    last_seen_at: z.iso.datetime(),
    labels: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Worker' });
export type Worker = z.infer<typeof Worker>;

export const WorkerList = z.object({ data: z.array(Worker), next_page: z.string().nullable() }).meta({ id: 'WorkerList' });
export type WorkerList = z.infer<typeof WorkerList>;

/** Page through workers by id. */
export const ListWorkersQuery = z
  .strictObject({
    limit: z.coerce.number().int().min(1).max(1000).default(1000),
    page: z.string().max(200).optional().describe('next_page of the page before.'),
  })
  .meta({ id: 'ListWorkersQuery' });
export type ListWorkersQuery = z.infer<typeof ListWorkersQuery>;

export const QueueState = z
  .object({
    object: z.literal('queue'),
    depth: z.int().describe('Runs that wait for a worker.'),
    oldest_wait_seconds: z.number().nullable().describe('How long the first of them has been waiting; null when none waits.'),
    paused: z.boolean().describe('True while no worker takes a run.'),
  })
  .meta({ id: 'QueueState' });
export type QueueState = z.infer<typeof QueueState>;

export const Upstream = z
  .object({
    credential: z.string().describe('The beginning of a hash that tells credentials apart.'),
    state: z.enum(['closed', 'open', 'half_open']).describe('open: its runs wait · half_open: one of them asks · closed: all go.'),
    kind: z.enum(['quota', 'overloaded', 'spend', 'auth', 'connection']).nullable().describe('The latest trouble.'),
    code: FailureCode.nullable(),
    message: z.string().nullable(),
    since: z.iso.datetime().nullable(),
    until: z.iso.datetime().nullable().describe('When the next run asks.'),
    failures: z.int().describe('How often in a row asking failed.'),
    waiting: z.int().describe('Runs that wait for it.'),
  })
  .meta({ id: 'Upstream', description: 'The service behind one credential of the workers.' });
export type Upstream = z.infer<typeof Upstream>;

export const WaitingCounts = z.object({ permission: z.int(), recovery: z.int(), quota: z.int(), auth: z.int() }).meta({ id: 'WaitingCounts', description: 'Waiting runs by what they wait for.' });
export type WaitingCounts = z.infer<typeof WaitingCounts>;

export const Status = z
  .object({
    object: z.literal('status'),
    version: z.string(),
    installation_id: z.string(),
    uptime_seconds: z.number(),
    api: z.object({ replicas: z.int().describe('API processes that were heard of within the last 15 s, this one included.') }),
    workers: z.object({ total: z.int(), ready: z.int(), busy: z.int(), draining: z.int(), lost: z.int(), capacity: z.int() }),
    queue: z.object({ depth: z.int().describe('Runs that wait for a worker.'), oldest_wait_seconds: z.number().nullable(), paused: z.boolean() }),
    runs: z.object({ queued: z.int(), running: z.int(), waiting: z.int() }),
    waiting_for: WaitingCounts,
    upstreams: z.array(Upstream).describe('Those that made trouble within the last day, or have runs waiting.'),
    viewers: z.int().describe('Open event streams of all API processes; those of the others as of a few seconds ago.'),
    redis: z.object({ version: z.string(), used_memory_bytes: z.int(), latency_ms: z.number() }),
    demo: z.boolean().describe('True when the offline demo model answers instead of Claude.'),
  })
  .meta({ id: 'Status' });
export type Status = z.infer<typeof Status>;
