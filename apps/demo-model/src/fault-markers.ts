// Markers for everything that goes wrong between the CLI and the API.
import { z } from 'zod';
import { apiErrorOf } from './api-error.js';
import { delayMs, faultMarker } from './marker.js';
import type { Marker } from './marker.js';

const after = z.coerce.number().int().min(0).max(100_000);

interface NamedFailure {
  readonly status: number;
  readonly message: string;
}

// The texts are what the CLI recognises (claude 2.1.330).
const namedFailures: Readonly<Record<string, NamedFailure>> = {
  prompt_too_long: { status: 400, message: 'prompt is too long: 208310 tokens > 200000 maximum' },
  credit: {
    status: 400,
    message: 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
  },
  model_not_found: { status: 404, message: 'model: not found' },
};

const status = faultMarker(
  '[[status status=529 fail=2 retry_after=1]]',
  'answers with an HTTP error: any status from 400 to 599; or kind=prompt_too_long, credit or model_not_found; should_retry=false asks the client not to retry',
  {
    status: z.coerce.number().int().min(400).max(599).optional(),
    kind: z.enum(['prompt_too_long', 'credit', 'model_not_found']).optional(),
    retry_after: z.coerce.number().min(0).optional(),
    should_retry: z.enum(['true', 'false']).optional(),
  },
  (args) => {
    const named = args.kind === undefined ? undefined : namedFailures[args.kind];
    const code = args.status ?? named?.status;
    if (code === undefined) return { problem: 'status= or kind= is missing' };
    const known = apiErrorOf(code);
    const headers: Record<string, string> = {};
    if (args.retry_after !== undefined) headers['retry-after'] = String(args.retry_after);
    if (args.should_retry !== undefined) headers['x-should-retry'] = args.should_retry;
    return { kind: 'status', status: code, type: known.type, message: named?.message ?? known.message, headers };
  },
);

export const faultMarkers: Readonly<Record<string, Marker>> = {
  status,
  reset: faultMarker(
    '[[reset after=3 fail=1]]',
    'destroys the connection after so many deltas; after=0: before the headers',
    { after: after.default(0) },
    (args) => ({ kind: 'reset', after: args.after }),
  ),
  stall: faultMarker(
    '[[stall after=2 ping=0]]',
    'stops after so many deltas and keeps the connection open; ping: milliseconds between pings, 0 for none',
    { after: after.default(2), ping: delayMs.default(0) },
    (args) => ({ kind: 'stall', after: args.after, pingMs: args.ping }),
  ),
  hang: faultMarker('[[hang]]', 'never sends response headers', {}, () => ({ kind: 'hang' })),
  sse_error: faultMarker(
    '[[sse_error after=2]]',
    'sends an error event after so many deltas and ends the stream',
    { after: after.default(2) },
    (args) => ({ kind: 'sse_error', after: args.after }),
  ),
};
