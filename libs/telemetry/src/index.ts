// What an app tells its operator: logs without secrets.
export { createLogger } from './logger.js';
export type { Logger, LoggerOptions } from './logger.js';
export { redactSecrets } from './redact.js';
