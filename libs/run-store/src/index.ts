// Run records, leases, event logs, inboxes, sessions and indexes in Redis.
export type * from './answers.js';
export { syncDirectories } from './durable-file.js';
export { InvalidPageError, LogUnreadableError, RedisUnavailableError } from './errors.js';
export { startLeaderJobs } from './leader-jobs.js';
export type { LeaderJob, LeaderJobsOptions } from './leader-jobs.js';
export type * from './leaving.js';
export type { LogPlace, RunRecord } from './run-record.js';
export type * from './schedules/schedule-record.js';
export type { SpentSoFar } from './spent.js';
export { MAX_SCHEDULES, Schedules } from './schedules/schedules.js';
export { RunStore } from './run-store.js';
export * from './upstream/upstream-record.js';
export { Upstream } from './upstream/upstream.js';
export type { RunStoreOptions } from './run-store-options.js';
