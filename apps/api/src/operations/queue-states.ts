// How the queue is: the store counts what waits, the queue itself knows whether it is paused.
import { Injectable } from '@nestjs/common';
import type { QueueState } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';

@Injectable()
export class QueueStates {
  constructor(
    private readonly store: RunStore,
    private readonly queue: RunQueue,
  ) {}

  async now(): Promise<QueueState> {
    const [{ depth, oldestWaitMs }, paused] = await Promise.all([this.store.queued.backlog(), this.queue.isPaused()]);
    return { object: 'queue', depth, oldest_wait_seconds: oldestWaitMs === null ? null : Math.floor(oldestWaitMs / 1000), paused };
  }

  /** Nothing is taken until resume(); what runs goes on. */
  async pause(): Promise<QueueState> {
    await this.queue.pause();
    return this.now();
  }

  async resume(): Promise<QueueState> {
    await this.queue.resume();
    return this.now();
  }
}
