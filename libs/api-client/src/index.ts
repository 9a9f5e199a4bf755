// Typed client of the HTTP API and follower of a run's events. For browsers and Node: no Node imports.
export { ApiClient } from './api-client.js';
export type { ApiClientOptions, CreateRunOptions, EventsQuery, RunsQuery, WaitOptions } from './api-client.js';
export { ApiProblem, isTransient, ServerUnreachable } from './api-errors.js';
export type { FollowOptions, Reconnect } from './follow.js';
