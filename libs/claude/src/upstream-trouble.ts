// Is a failure the provider's trouble, so that the run may wait for its end? Pure.
import type { FailureCode } from '@runyard/domain';
import { numberField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';
import { resultFailure, resultText } from './result-failure.js';
import type { UpstreamSigns } from './upstream-signs.js';

export interface UpstreamTroubleInput {
  /** The last result of the process. */
  readonly result: JsonObject | undefined;
  /** `TurnTracker.errorClass` */
  readonly errorClass: string | undefined;
  /** `TurnTracker.upstreamSigns` */
  readonly signs: UpstreamSigns;
  /** How often the CLI may repeat a request by itself: with 0 its giving up at once says nothing. */
  readonly maxRetries: number;
  /** Wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

export interface UpstreamTrouble {
  /** `quota`, `overloaded` and `connection` pass by themselves; `spend` at a known time or when somebody pays; `auth` when somebody acts. */
  readonly kind: 'quota' | 'overloaded' | 'spend' | 'auth' | 'connection';
  /** How long to wait at least, in milliseconds, as far as the provider has said it. */
  readonly retryAfterMs?: number;
  readonly code: FailureCode;
  /** For a person; ends with what to do. */
  readonly message: string;
}

const KINDS: Partial<Record<FailureCode, UpstreamTrouble['kind']>> = {
  rate_limited: 'quota',
  overloaded: 'overloaded',
  billing_error: 'spend',
  authentication_failed: 'auth',
  connection_failed: 'connection',
};
/** Gateways say with them that nobody is behind them. A plain 500 may be the fault of this one request. */
const UNAVAILABLE = new Set([502, 503, 504]);
/** These may say how long to wait, in a header. */
const MAY_NAME_A_TIME = new Set([429, 503, 529]);
/**
 * Up to this long the CLI waits by itself and says so (`api_retry`); at more it gives up at once and the time is
 * shown nowhere (measured, 2.1.330: 59 s waits, 61 s does not).
 */
const CLI_WAITS_AT_MOST_MS = 60_000;
const REGAIN = /regain access on (\d{4}-\d{2}-\d{2}) at (\d{2}:\d{2}) UTC/i;

/** The provider's trouble in the last result of a process, or undefined when waiting would not help. */
export function upstreamTrouble(input: UpstreamTroubleInput): UpstreamTrouble | undefined {
  const { result, errorClass } = input;
  if (result === undefined || result['is_error'] === false) return undefined;
  const { code, message } = resultFailure(result, errorClass);
  const status = numberField(result, 'api_error_status');
  const kind = KINDS[code] ?? (status !== undefined && UNAVAILABLE.has(status) ? 'overloaded' : undefined);
  if (kind === undefined) return undefined;
  const retryAfterMs = timeNamed(input, result, status);
  return { kind, code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function timeNamed({ signs, maxRetries, nowMs }: UpstreamTroubleInput, result: JsonObject, status: number | undefined): number | undefined {
  const [, day, time] = REGAIN.exec(resultText(result)) ?? [];
  const endsAtMs = day === undefined ? signs.resetsAtMs : Date.parse(`${day}T${time}:00Z`);
  if (endsAtMs !== undefined && Number.isFinite(endsAtMs)) return Math.max(0, endsAtMs - nowMs);
  if (status === undefined || !MAY_NAME_A_TIME.has(status)) return undefined;
  if (signs.retries > 0) return signs.lastDelayMs;
  return maxRetries > 0 ? CLI_WAITS_AT_MOST_MS : undefined;
}
