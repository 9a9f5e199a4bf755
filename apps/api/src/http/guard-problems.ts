// The problems that a request may meet before its route is asked, for what the OpenAPI document says about each operation.
import type { ProblemCode } from '@runyard/domain';

/** Every request: its parameters, key, Host and Origin, this process, Redis, and defects. */
export const ANY_REQUEST = ['invalid_parameter', 'unauthorized', 'forbidden', 'internal', 'redis_unavailable', 'shutting_down'] as const satisfies readonly ProblemCode[];

/** Every request of a method that may have a body, also where none is wanted: it is read all the same. */
export const ANY_BODY = ['malformed_json', 'payload_too_large', 'unsupported_media_type'] as const satisfies readonly ProblemCode[];
