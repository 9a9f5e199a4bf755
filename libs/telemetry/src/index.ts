// What an app tells its operator: logs without secrets, metrics, and how its surroundings are.
export { diskCheck, isHealthy, memoryCheck, size } from './health.js';
export type { HealthCheck } from './health.js';
export { createLogger } from './logger.js';
export type { Logger, LoggerOptions } from './logger.js';
export { Metrics, METRICS_CONTENT_TYPE } from './metrics.js';
export type { MetricsOptions } from './metrics.js';
export { redactSecrets } from './redact.js';
export { RunMetrics } from './run-metrics.js';
export type { EndedRun, Spending, StaleWrite, ToolOutcome } from './run-metrics.js';
export { ScheduleMetrics } from './schedule-metrics.js';
export type { DecidedSlot } from './schedule-metrics.js';
