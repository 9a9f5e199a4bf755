// Runs as they are shown now: what the store does not know about them is whether the queue is paused.
import { Injectable } from '@nestjs/common';
import type { Run } from '@runyard/domain';
import { QueueUnavailableError, RunQueue } from '@runyard/run-queue';
import type { RunRecord } from '@runyard/run-store';
import { runView } from './run-view.js';

@Injectable()
export class RunViews {
  constructor(private readonly queue: RunQueue) {}

  async of(record: RunRecord): Promise<Run> {
    const [view] = await this.all([record]);
    return view ?? runView(record);
  }

  /** Asks the queue once, and only when one of the runs waits for a worker. */
  async all(records: readonly RunRecord[]): Promise<Run[]> {
    const paused = records.some((record) => record.queuedReason === 'capacity') && (await this.#isPaused());
    return records.map((record) => runView(record, paused));
  }

  /** The run is worth more than an error: without the queue it is shown as if nobody had paused it. */
  async #isPaused(): Promise<boolean> {
    try {
      return await this.queue.isPaused();
    } catch (error) {
      if (error instanceof QueueUnavailableError) return false;
      throw error;
    }
  }
}
