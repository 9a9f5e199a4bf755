// One Lua script: sent once, then called by its hash.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type ScriptArgument = string | number | Buffer;

export class Script {
  readonly #lua: string;
  readonly #sha: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  /** Runs the script; bulk strings of the reply are texts. */
  run(redis: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#call((command, body) => redis.call(command, [body, keys.length, ...keys, ...args]));
  }

  /** The same with Buffers in the reply, for data that must not be decoded. */
  runForBuffers(redis: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#call((command, body) => redis.callBuffer(command, [body, keys.length, ...keys, ...args]));
  }

  async #call(call: (command: string, body: string) => Promise<unknown>): Promise<unknown> {
    try {
      return await call('EVALSHA', this.#sha);
    } catch (error) {
      // A restarted server has forgotten its scripts.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return call('EVAL', this.#lua);
      throw error;
    }
  }
}
