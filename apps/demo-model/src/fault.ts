// The ways a request can go wrong on purpose.

export type Fault =
  /** An HTTP error instead of an answer. */
  | { readonly kind: 'status'; readonly status: number; readonly type: string; readonly message: string; readonly headers: Readonly<Record<string, string>> }
  /** The socket is destroyed after so many deltas; 0: before the headers. */
  | { readonly kind: 'reset'; readonly after: number }
  /** Nothing more comes after so many deltas, except a ping each `pingMs` if that is not 0. */
  | { readonly kind: 'stall'; readonly after: number; readonly pingMs: number }
  /** No headers, ever. */
  | { readonly kind: 'hang' }
  /** An error event in the stream after so many deltas. */
  | { readonly kind: 'sse_error'; readonly after: number };

/** Faults that need a stream: a request for a whole message is answered as if they were not there. */
export function isMidStream(fault: Fault): boolean {
  return fault.kind === 'stall' || fault.kind === 'sse_error' || (fault.kind === 'reset' && fault.after > 0);
}
