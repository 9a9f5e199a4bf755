// Run records, leases, event logs, inboxes, sessions and indexes in Redis.
export type * from './answers.js';
export { InvalidPageError, LogUnreadableError, RedisUnavailableError } from './errors.js';
export type { LogPlace, RunRecord } from './run-record.js';
export type * from './schedules/schedule-record.js';
export { MAX_SCHEDULES, Schedules } from './schedules/schedules.js';
export { RunStore } from './run-store.js';
export type { RunStoreOptions } from './run-store-options.js';
