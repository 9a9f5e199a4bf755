// Helpers for specs: a private Redis, waiting, directories, ports, processes. Never imported by the product.
export { freePort } from './free-port.js';
export { httpCall, httpOpen } from './http-call.js';
export type { HttpAnswer, HttpCall } from './http-call.js';
export { processesWithMark } from './processes-with-mark.js';
export { temporaryDirectory } from './temporary-directory.js';
export type { TemporaryDirectory } from './temporary-directory.js';
export { redisCacheDirectory, testRedis } from './test-redis.js';
export type { TestRedis } from './test-redis.js';
export { waitFor } from './wait-for.js';
export type { WaitOptions } from './wait-for.js';
