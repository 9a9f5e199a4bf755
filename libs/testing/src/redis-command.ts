// One command to a Redis server, for what a spec must do behind the product's back.
import { Redis } from 'ioredis';

/** Runs one command on a connection of its own and returns its reply. */
export async function redisCommand(connection: { readonly path: string }, command: string, ...args: readonly string[]): Promise<unknown> {
  const redis = new Redis(connection);
  try {
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}
