// The API's errors: the type and the usual text of each status, and the shape of the body.

interface KnownError {
  readonly type: string;
  readonly message: string;
}

const knownErrors: Readonly<Record<number, KnownError>> = {
  400: { type: 'invalid_request_error', message: 'The demo model was asked to refuse this request.' },
  401: { type: 'authentication_error', message: 'invalid x-api-key' },
  403: { type: 'permission_error', message: 'Your API key does not have permission to use the specified resource.' },
  404: { type: 'not_found_error', message: 'Not found' },
  413: { type: 'request_too_large', message: 'Request exceeds the maximum size' },
  429: { type: 'rate_limit_error', message: 'This request would exceed the rate limit of the demo model.' },
  500: { type: 'api_error', message: 'Internal server error' },
  529: { type: 'overloaded_error', message: 'Overloaded' },
};

/** Type and text of an HTTP status; statuses without an entry are told as the general error of their class. */
export function apiErrorOf(status: number): KnownError {
  return knownErrors[status] ?? { type: status < 500 ? 'invalid_request_error' : 'api_error', message: `HTTP status ${status}` };
}

/** `{type: "error", error: {type, message}, request_id}`: the body of every failed request. */
export function errorBody(type: string, message: string, requestId: string): Record<string, unknown> {
  return { type: 'error', error: { type, message }, request_id: requestId };
}
