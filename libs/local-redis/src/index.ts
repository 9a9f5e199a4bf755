// A Redis server without Docker: found on PATH or unpacked privately, run on a Unix socket, ended with its parent.
export { findRedisServer } from './find-redis-server.js';
export type { FindRedisServerOptions, RedisServer } from './find-redis-server.js';
export type { RedisExit } from './guarded-server.js';
export { LocalRedisError } from './local-redis-error.js';
export type { LocalRedisErrorCode } from './local-redis-error.js';
export { startRedis } from './start-redis.js';
export type { LocalRedis, StartRedisOptions } from './start-redis.js';
