// Lets the other API processes know that this one is there, and how many viewers it has.
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStore } from '@runyard/run-store';
import type { ApiContext } from '../api-context.js';

/** The store forgets a process after 15 s: two heartbeats may be lost. */
const EVERY_MS = 4_000;

/** Until the API closes; then the others are told that it is gone. `onError` is told what went wrong each time. */
export async function keepPresent(store: RunStore, context: ApiContext, onError: (error: unknown) => void): Promise<void> {
  const { closing, version } = context;
  const startedAt = new Date(Date.now() - (performance.now() - context.startedAtMs)).toISOString();
  while (!closing.aborted) {
    await store.apiReplicas.heartbeat({ host: hostname(), version, startedAt, viewers: store.viewers() }).catch(onError);
    await sleep(EVERY_MS, undefined, { signal: closing }).catch(() => undefined);
  }
  await store.apiReplicas.leave().catch(onError);
}
