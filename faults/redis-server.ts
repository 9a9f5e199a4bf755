// The Redis of a stand: killed, gone, silent, and taken back to what its files said some time ago.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '@runyard/local-redis';
import type { LocalRedis } from '@runyard/local-redis';
import { redisCacheDirectory, redisCommand } from '@runyard/testing';

const APPEND_ONLY = 'appendonlydir';

export class RedisServer {
  readonly #dir: string;
  #server: LocalRedis;

  private constructor(dir: string, server: LocalRedis) {
    this.#dir = dir;
    this.#server = server;
  }

  static async start(dir: string): Promise<RedisServer> {
    return new RedisServer(dir, await startRedis({ dir, cacheDir: redisCacheDirectory() }));
  }

  get url(): string {
    return this.#server.url;
  }

  get path(): string {
    return this.#server.socketPath;
  }

  /** One command on a connection of its own. */
  command(name: string, ...args: readonly string[]): Promise<unknown> {
    return redisCommand(this.#server.connection, name, ...args);
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  async restart(): Promise<void> {
    this.#server = await startRedis({ dir: this.#dir, cacheDir: redisCacheDirectory() });
  }

  /** Keeps a copy of the files as they are now. */
  async remember(): Promise<void> {
    await rm(this.#copy(), { recursive: true, force: true });
    await cp(join(this.#dir, APPEND_ONLY), this.#copy(), { recursive: true });
  }

  /** After `kill`: puts the copy in the place of the files, as if nothing had been written since. */
  async rollBack(): Promise<void> {
    await rm(join(this.#dir, APPEND_ONLY), { recursive: true });
    await cp(this.#copy(), join(this.#dir, APPEND_ONLY), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #copy(): string {
    return join(this.#dir, '..', 'redis-copy');
  }
}
