// Helpers for specs: a private Redis, waiting, directories, ports, processes. Never imported by the product.
export { startDemoModel } from './demo-model.js';
export type { TestDemoModel } from './demo-model.js';
export { fakeClaude } from './fake-claude.js';
export type { FakeClaude } from './fake-claude.js';
export { freePort } from './free-port.js';
export { httpCall, httpOpen, rawCall } from './http-call.js';
export type { HttpAnswer, HttpCall } from './http-call.js';
export { processesWithMark } from './processes-with-mark.js';
export { redisCommand } from './redis-command.js';
export { temporaryDirectory } from './temporary-directory.js';
export type { TemporaryDirectory } from './temporary-directory.js';
export { redisCacheDirectory, testRedis } from './test-redis.js';
export type { TestRedis } from './test-redis.js';
export { startWorker } from './test-worker.js';
export type { TestWorker, WorkerExit } from './test-worker.js';
export { waitFor } from './wait-for.js';
export type { WaitOptions } from './wait-for.js';
