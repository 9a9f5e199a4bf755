// Is the process alive, and can it do its work? Open without a key, and then without any detail.
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import { ApiTags } from '@nestjs/swagger';
import { ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import { isHealthy } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { KeyCheck } from '../auth/key-check.js';
import { RETRY_AFTER_SECONDS } from '../http/problem-reply.js';
import { HealthReport } from './health-report.js';
import * as docs from './operations.docs.js';
import { RedisSettings } from './redis-settings.js';

interface Health {
  readonly status: 'ok' | 'error';
  /** Only for those who have the key and ask with `?verbose`. */
  readonly checks?: Readonly<Record<string, HealthCheck>>;
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
    private readonly report: HealthReport,
    private readonly keyCheck: KeyCheck,
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
  async ready(@Query() query: Record<string, unknown>, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    if (this.context.closing.aborted) throw new ProblemError('shutting_down');
    // Without the key the question is answered as if it had not been asked for more.
    if ('verbose' in query && this.keyCheck.isPresentedBy(request)) return this.#verbose(reply);
    try {
      await this.health.check([() => this.#redis()]);
    } catch (error) {
      this.context.logger.debug({ err: error }, 'not ready'); // probes come often, and who lost Redis says so already
      throw new ProblemError('redis_unavailable');
    }
    return { status: 'ok' };
  }

  async #verbose(reply: FastifyReply): Promise<Health> {
    const checks = await this.report.checks();
    const isReady = isHealthy(checks);
    if (!isReady) reply.code(503).header('retry-after', RETRY_AFTER_SECONDS);
    return { status: isReady ? 'ok' : 'error', checks };
  }

  async #redis(): Promise<HealthIndicatorResult> {
    const check = this.indicator.check('redis');
    await this.store.ping();
    const problems = await this.settings.check();
    return problems.length > 0 ? check.down() : check.up();
  }
}
