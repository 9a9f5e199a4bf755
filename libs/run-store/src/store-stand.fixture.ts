// What specs of the store stand on: a Redis of their own, a connection behind the store's back, a directory, and the store.
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { RunStore } from './index.js';
import type { RunStoreOptions } from './index.js';

export interface StoreStand {
  readonly server: TestRedis;
  readonly directory: TemporaryDirectory;
  readonly redis: Redis;
  readonly store: RunStore;
  /** All of them, the first is `store`: as many processes would have. */
  readonly stores: readonly RunStore[];
}

export interface StandOptions extends Pick<RunStoreOptions, 'onRestored'> {
  readonly stores?: number;
}

/** For the file that calls this at its top: `take` gets it before the first test; after the last one nothing of it is left. */
export function onStoreStand(take: (stand: StoreStand) => void, { stores: count = 1, ...options }: StandOptions = {}): void {
  let close: (() => Promise<void>) | undefined;
  // The first spec on a machine may have to download a Redis.
  beforeAll(async () => {
    const server = await testRedis();
    const directory = await temporaryDirectory();
    const redis = new Redis(server.connection);
    const open = () => RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, ...options });
    const store = open();
    const stores = [store, ...Array.from({ length: count - 1 }, open)];
    close = async () => {
      for (const one of stores) await one.close();
      redis.disconnect();
      await server.stop();
      await directory.remove();
    };
    take({ server, directory, redis, store, stores });
  }, 300_000);
  afterAll(() => close?.());
}
