// Make, list, look at, run and forget schedules.
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ListSchedulesQuery, PutSchedule, PutScheduleQuery } from '@runyard/domain';
import type { Run, Schedule, ScheduleList, SlotList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refuseBody } from '../http/refuse-body.js';
import { idempotencyKey } from '../runs/idempotency.js';
import { runView } from '../runs/run-view.js';
import { noSuchSchedule, NewScheduleIdPipe, ScheduleIdPipe } from './schedule-id.param.js';
import { ScheduleKeeper } from './schedule-keeper.js';
import { scheduleView, slotView } from './schedule-view.js';
import { ScheduledRuns } from './scheduled-runs.js';
import * as docs from './schedules.docs.js';

@ApiTags('schedules')
@Controller('v1/schedules')
export class SchedulesController {
  constructor(
    private readonly store: RunStore,
    private readonly keeper: ScheduleKeeper,
    private readonly runs: ScheduledRuns,
  ) {}

  @Get()
  @docs.List()
  async list(@Query({ schema: ListSchedulesQuery }) query: ListSchedulesQuery): Promise<ScheduleList> {
    const { schedules, nextPage } = await this.store.schedules.list(query);
    return { data: schedules.map(scheduleView), next_page: nextPage };
  }

  @Put(':id')
  @docs.Put()
  async put(
    @Param('id', NewScheduleIdPipe) id: string,
    @Query({ schema: PutScheduleQuery }) query: PutScheduleQuery,
    @Body({ schema: PutSchedule }) body: PutSchedule,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Schedule> {
    if (query.dry_run === 'true') return scheduleView(await this.keeper.preview(id, body));
    const { schedule, isNew } = await this.keeper.put(id, body);
    if (isNew) reply.code(201).header('location', `/v1/schedules/${id}`);
    return scheduleView(schedule);
  }

  @Get(':id')
  @docs.Show()
  async show(@Param('id', ScheduleIdPipe) id: string): Promise<Schedule> {
    return scheduleView(await this.#find(id));
  }

  @Delete(':id')
  @HttpCode(204)
  @docs.Delete()
  async delete(@Param('id', ScheduleIdPipe) id: string, @Req() request: FastifyRequest): Promise<void> {
    refuseBody(request.body);
    if (!(await this.keeper.delete(id))) throw noSuchSchedule();
  }

  @Post(':id/run')
  @docs.RunNow()
  async runNow(@Param('id', ScheduleIdPipe) id: string, @Headers() headers: FastifyRequest['headers'], @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Run> {
    refuseBody(request.body);
    const { run, replayed } = await this.runs.byHand(await this.#find(id), idempotencyKey(headers['idempotency-key']));
    reply.header('location', `/v1/runs/${run.id}`);
    if (replayed) reply.header('idempotent-replayed', 'true');
    return runView(run);
  }

  @Get(':id/slots')
  @docs.Slots()
  async slots(@Param('id', ScheduleIdPipe) id: string, @Query({ schema: ListSchedulesQuery }) query: ListSchedulesQuery): Promise<SlotList> {
    await this.#find(id);
    const { slots, nextPage } = await this.store.schedules.slots(id, query);
    return { data: slots.map(slotView), next_page: nextPage };
  }

  async #find(id: string) {
    const schedule = await this.store.schedules.get(id);
    if (!schedule) throw noSuchSchedule();
    return schedule;
  }
}
