// Wires the API: what is made outside of Nest comes in as values, the rest is found by class.
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { RunQueue, ScheduleTicks } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import { LoggerModule } from 'nestjs-pino';
import { ApiContext } from './api-context.js';
import { KeyCheck } from './auth/key-check.js';
import { EventStreamer } from './events/event-streamer.js';
import { EventsController } from './events/events.controller.js';
import { OpenStreams } from './events/open-streams.js';
import type { StreamTimes } from './events/open-streams.js';
import { OutputController } from './events/output.controller.js';
import { ProblemFilter } from './http/problem.filter.js';
import { SchemaPipe } from './http/schema.pipe.js';
import { DocumentsController } from './documents/documents.controller.js';
import { HealthController } from './operations/health.controller.js';
import { HealthReport } from './operations/health-report.js';
import { Housekeeping } from './operations/housekeeping.js';
import { RedisRoom } from './operations/redis-room.js';
import { RedisSettings } from './operations/redis-settings.js';
import { StatusController } from './operations/status.controller.js';
import { WorkersController } from './operations/workers.controller.js';
import { ScheduleClock } from './schedules/schedule-clock.js';
import { ScheduleKeeper } from './schedules/schedule-keeper.js';
import { ScheduledRuns } from './schedules/scheduled-runs.js';
import { SchedulesController } from './schedules/schedules.controller.js';
import { SlotDecider } from './schedules/slot-decider.js';
import { LifecycleController } from './events/lifecycle.controller.js';
import { QueueController } from './operations/queue.controller.js';
import { RunActionsController } from './runs/run-actions.controller.js';
import { QueueStates } from './operations/queue-states.js';
import { RunCanceler } from './runs/run-canceler.js';
import { RunViews } from './runs/run-views.js';
import { RunIntake } from './runs/run-intake.js';
import { RunsController } from './runs/runs.controller.js';
import { TicketSender } from './runs/ticket-sender.js';

export interface ApiParts {
  readonly context: ApiContext;
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly ticks: ScheduleTicks;
  readonly streamTimes: StreamTimes;
}

const CONTROLLERS = [RunsController, SchedulesController, RunActionsController, LifecycleController, QueueController, EventsController, OutputController, WorkersController, StatusController, HealthController, DocumentsController];
const SERVICES = [ScheduleClock, ScheduledRuns, ScheduleKeeper, SlotDecider, EventStreamer, HealthReport, QueueStates, RunCanceler, RunViews, Housekeeping, RedisRoom, RedisSettings, RunIntake, TicketSender];

@Module({})
export class ApiModule {
  static of(parts: ApiParts, keyCheck: KeyCheck): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        // The access log is a hook below Nest, where it also sees what the guard refuses; here its logger is only handed on.
        LoggerModule.forRoot({ pinoHttp: { logger: parts.context.logger }, useExisting: true }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: CONTROLLERS,
      providers: [
        { provide: ApiContext, useValue: parts.context },
        { provide: KeyCheck, useValue: keyCheck },
        { provide: RunStore, useValue: parts.store },
        { provide: RunQueue, useValue: parts.queue },
        { provide: ScheduleTicks, useValue: parts.ticks },
        { provide: OpenStreams, useFactory: () => new OpenStreams(parts.streamTimes) },
        { provide: APP_PIPE, useClass: SchemaPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
        ...SERVICES,
      ],
    };
  }

  /** For Nest's preview mode, which makes nothing: the controllers, to read what they say about themselves. */
  static forDocuments(): DynamicModule {
    const outside = [ApiContext, KeyCheck, RunStore, RunQueue, ScheduleTicks, OpenStreams].map((provide) => ({ provide, useValue: undefined }));
    return { module: ApiModule, imports: [TerminusModule], controllers: CONTROLLERS, providers: [...outside, ...SERVICES] };
  }
}
