// What wakes a worker: signals on its channel.
import type { WorkerSignal } from './answers.js';
import type { Keys } from './keys.js';
import type { Subscriber } from './subscriber.js';

/**
 * Calls `listener` for each signal to the worker; resolves once the channel is subscribed. Signals may be missed while the
 * connection is away: the inbox, read at each renewal, has everything, and each heartbeat tells of a drain.
 */
export async function onWorkerSignal(
  subscriber: Subscriber,
  keys: Keys,
  workerId: string,
  listener: (signal: WorkerSignal) => void,
): Promise<() => Promise<void>> {
  const channel = keys.signals(workerId);
  await new Promise<void>((resolve) => {
    subscriber.listen(channel, {
      message: (payload) => {
        const signal = signalOf(payload);
        if (signal !== undefined) listener(signal);
      },
      subscribed: resolve,
    });
  });
  return async () => subscriber.forget(channel);
}

function signalOf(payload: Buffer): WorkerSignal | undefined {
  try {
    const { run_id: runId, type } = JSON.parse(payload.toString()) as { run_id?: unknown; type?: unknown };
    if (type === 'drain') return { type };
    return typeof runId === 'string' && (type === 'cancel' || type === 'input') ? { runId, type } : undefined;
  } catch {
    return undefined;
  }
}
