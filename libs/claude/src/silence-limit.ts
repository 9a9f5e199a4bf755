// How long the CLI may be silent before something is wrong. Pure.
import { numberField } from './json-fields.js';
import type { OpenTool } from './open-tools.js';
import type { TurnTracker } from './turns.js';

/** The CLI recovers a stalled stream by itself after 300 s, and prints nothing meanwhile (measured, 2.1.330). */
const THINKING_MS = 330_000;
const SLACK_MS = 30_000;
/** What the CLI's Bash tool waits by default and at most. A command over its time goes on in the background. */
const BASH_DEFAULT_MS = 120_000;
const BASH_MAX_MS = 600_000;

export interface BashTimes {
  readonly bashDefaultMs?: number;
  readonly bashMaxMs?: number;
}

/**
 * The longest silence that is still healthy, in milliseconds, or undefined when any is: while somebody is asked, and while
 * only a background task runs.
 * @param times when the operator has set BASH_DEFAULT_TIMEOUT_MS or BASH_MAX_TIMEOUT_MS
 */
export function silenceLimitMs(
  tracker: Pick<TurnTracker, 'openPermissions' | 'openTools' | 'backgroundTaskCount' | 'turnOpen'>,
  { bashDefaultMs = BASH_DEFAULT_MS, bashMaxMs = BASH_MAX_MS }: BashTimes = {},
): number | undefined {
  if (tracker.openPermissions.length > 0) return undefined;
  if (tracker.openTools.length === 0) return !tracker.turnOpen && tracker.backgroundTaskCount > 0 ? undefined : THINKING_MS;
  // Only Bash says how long it may take; the others get as long as the longest command.
  const timeOf = ({ name, input }: OpenTool) => (name === 'Bash' ? Math.min(bashMaxMs, numberField(input, 'timeout') ?? bashDefaultMs) : bashMaxMs);
  return Math.max(...tracker.openTools.map(timeOf)) + SLACK_MS;
}
