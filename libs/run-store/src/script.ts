// One Lua script: sent once, then called by its hash.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type ScriptArgument = string | number | Buffer;

export interface ScriptOptions {
  /** May write when Redis has no memory left: for what lets running work go on and come to its end. */
  readonly evenWhenFull: boolean;
}

export const EVEN_WHEN_FULL: ScriptOptions = { evenWhenFull: true };

const FLAGS = '#!lua flags=allow-oom\n';

export class Script {
  #lua = '';
  #sha = '';

  constructor(lua: string, { evenWhenFull }: ScriptOptions = { evenWhenFull: false }) {
    this.#use(evenWhenFull ? FLAGS + lua : lua);
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
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return this.#send(call);
      throw error;
    }
  }

  async #send(call: (command: string, body: string) => Promise<unknown>): Promise<unknown> {
    try {
      return await call('EVAL', this.#lua);
    } catch (error) {
      // Before Redis 7 scripts have no flags: the first line is no Lua, and nothing of the script was run.
      const isUnknown = this.#lua.startsWith(FLAGS) && error instanceof Error && error.message.includes('rror compiling script');
      if (!isUnknown) throw error;
      this.#use(this.#lua.slice(FLAGS.length));
      return call('EVAL', this.#lua);
    }
  }

  #use(lua: string): void {
    this.#lua = lua;
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }
}
