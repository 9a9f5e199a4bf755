// Is the process alive, and can it do its work? Open without a key, so without any detail.
import { Controller, Get } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { ApiTags } from '@nestjs/swagger';
import { ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import * as docs from './operations.docs.js';
import { RedisSettings } from './redis-settings.js';

interface Health {
  readonly status: 'ok';
}

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly store: RunStore,
    private readonly settings: RedisSettings,
    private readonly context: ApiContext,
  ) {}

  @Get('livez')
  @docs.Live()
  live(): Health {
    return { status: 'ok' };
  }

  /** The older name that some platforms ask by default. */
  @Get('healthz')
  @docs.Health()
  liveToo(): Health {
    return { status: 'ok' };
  }

  @Get('readyz')
  @docs.Ready()
  async ready(): Promise<Health> {
    if (this.context.closing.aborted) throw new ProblemError('shutting_down');
    try {
      await this.health.check([() => this.#redis()]);
    } catch (error) {
      this.context.logger.debug({ err: error }, 'not ready'); // probes come often, and who lost Redis says so already
      throw new ProblemError('redis_unavailable');
    }
    return { status: 'ok' };
  }

  async #redis(): Promise<HealthIndicatorResult> {
    const check = this.indicator.check('redis');
    await this.store.ping();
    const problems = await this.settings.check();
    return problems.length > 0 ? check.down() : check.up();
  }
}
