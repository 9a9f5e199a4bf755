// What the messages of a process say about trouble with the provider before its result does.
import { numberField, objectField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

export interface UpstreamSigns {
  /** Requests that the CLI repeated by itself since the model last answered. */
  readonly retries: number;
  /** The pause before the last of them, in milliseconds: what the provider asked for, when it asked, and a bit more. */
  readonly lastDelayMs: number | undefined;
  /** When the used-up limit of the account is over, in milliseconds since 1970. Told only to subscriptions. */
  readonly resetsAtMs: number | undefined;
}

export const NO_SIGNS: UpstreamSigns = { retries: 0, lastDelayMs: undefined, resetsAtMs: undefined };

/** `system/api_retry` */
export function afterRetry(signs: UpstreamSigns, message: JsonObject): UpstreamSigns {
  return { ...signs, retries: signs.retries + 1, lastDelayMs: numberField(message, 'retry_delay_ms') };
}

/** `rate_limit_event`: its time counts only while requests are rejected; other states warn of a limit that is still far. */
export function afterRateLimit(signs: UpstreamSigns, message: JsonObject): UpstreamSigns {
  const info = objectField(message, 'rate_limit_info');
  const seconds = info?.['status'] === 'rejected' ? numberField(info, 'resetsAt') : undefined;
  return { ...signs, resetsAtMs: seconds === undefined ? undefined : seconds * 1000 };
}
