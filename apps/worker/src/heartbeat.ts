// Tells the registry every few seconds that this worker lives and what it does.
import { hostname } from 'node:os';
import type { WorkerInfo } from '@runyard/run-store';
import { announcedCredential } from './upstream.js';
import type { WorkerParts } from './worker-parts.js';

const EVERY_MS = 5000;

export interface Heartbeat {
  /** Reports now, because something changed. */
  beat(): void;
  /** Stops and takes the worker out of the registry. */
  leave(): Promise<void>;
}

export interface DrainState {
  /** Asked each time. */
  readonly draining: () => boolean;
  /** It takes no runs for now. Asked each time. */
  readonly resting: () => boolean;
  /** The registry says that this worker shall take no more; comes again with each report. */
  readonly onDrain: () => void;
}

/** Starts reporting. */
export function startHeartbeat(parts: WorkerParts, version: string, { draining, resting, onDrain }: DrainState): Heartbeat {
  const credential = announcedCredential(parts);
  const startedAt = new Date().toISOString();
  let silent = false;
  const report = async (): Promise<void> => {
    const { capacity } = parts.settings;
    const claudeVersion = await parts.claude.version();
    const runIds = parts.active.ids();
    const info: WorkerInfo = {
      id: parts.id,
      host: hostname(),
      pid: process.pid,
      version,
      claudeVersion,
      capacity,
      busy: runIds.length,
      state: draining() ? 'draining' : runIds.length >= capacity ? 'busy' : 'ready',
      runIds,
      startedAt,
      labels: {},
      resting: resting(),
      ...(credential === undefined ? {} : { credential }),
    };
    if (silent) return;
    if (await parts.store.heartbeat(info)) onDrain();
    await parts.provider.look();
  };
  const beat = (): void => void report().catch((error: unknown) => parts.log.warn({ err: error }, 'the registry did not hear of this worker'));
  const timer = setInterval(beat, EVERY_MS);
  beat();
  return {
    beat,
    leave: async () => {
      silent = true;
      clearInterval(timer);
      await parts.store.leave(parts.id);
    },
  };
}
