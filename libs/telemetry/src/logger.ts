// The log of an app: one JSON object per line on stdout, with `time`, `level`, `name`, `msg`, and without secrets.
import { pino } from 'pino';
import { redactJsonLine } from './redact.js';

export type Logger = pino.Logger;

export interface LoggerOptions {
  /** The process that writes: api, worker, … */
  readonly name: string;
  /** trace, debug, info, warn, error, fatal or silent. */
  readonly level: string;
  /** Default: stdout, written at once, so that the last lines before a crash are not lost. */
  readonly destination?: pino.DestinationStream;
}

/**
 * Makes the logger of a process; children share its redaction.
 * The finished line is redacted, so it does not matter where in an object, an error or a message a secret stands.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { name: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactJsonLine },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
