// Is Redis set up to keep what it is given? Looked at once it can be reached, and again and again.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';

@Injectable()
export class RedisSettings {
  #problems: readonly string[] | undefined;

  constructor(
    private readonly store: RunStore,
    private readonly context: ApiContext,
  ) {}

  /** Looks at Redis and logs what changed. @throws RedisUnavailableError */
  async check(): Promise<readonly string[]> {
    const problems = await this.store.checkSettings();
    const changed = problems.join() !== (this.#problems ?? []).join();
    this.#problems = problems;
    if (changed && problems.length > 0) this.context.logger.error({ problems }, 'Redis is not set up to keep runs: none is accepted');
    else if (changed) this.context.logger.info('Redis is set up to keep runs now');
    return problems;
  }

  /**
   * Refuses to accept a run that Redis might forget.
   * @throws ProblemError redis_unavailable that says which setting is wrong
   */
  async demandSafe(): Promise<void> {
    const problems = this.#problems ?? (await this.check());
    if (problems.length > 0) throw new ProblemError('redis_unavailable', `Redis is not set up to keep runs: ${problems.join(' ')}`);
  }
}
