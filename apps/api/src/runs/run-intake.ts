// Takes a run in: rules, one script in the store, a ticket.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import type { CreateRun, Trigger } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { RedisRoom } from '../operations/redis-room.js';
import { RedisSettings } from '../operations/redis-settings.js';
import { continuedWorkspace } from './continued-workspace.js';
import { fingerprint } from './idempotency.js';
import { checkRunRules } from './run-rules.js';
import { TicketSender } from './ticket-sender.js';

export interface Submission {
  readonly request: CreateRun;
  readonly trigger: Trigger;
  readonly idempotencyKey: string | undefined;
  /** The run whose request is asked again. */
  readonly retryOf?: string | undefined;
  /** The schedule whose slot this run is. */
  readonly scheduleId?: string | undefined;
}

export interface TakenIn {
  readonly run: RunRecord;
  /** The Idempotency-Key was known: this is the run of the first request, as it is now. */
  readonly replayed: boolean;
}

@Injectable()
export class RunIntake {
  constructor(
    private readonly store: RunStore,
    private readonly tickets: TicketSender,
    private readonly settings: RedisSettings,
    private readonly room: RedisRoom,
    private readonly context: ApiContext,
  ) {}

  /** Creates the run. A run whose ticket cannot be sent now is created all the same: the outbox heals that. @throws ProblemError */
  async submit({ request, trigger, idempotencyKey, retryOf, scheduleId }: Submission): Promise<TakenIn> {
    await checkRunRules(request, this.context);
    await this.settings.demandSafe();
    await this.room.demandRoom();
    const workspace = request.workspace ?? (await continuedWorkspace(request, this.store));
    const idempotency = idempotencyKey === undefined ? {} : { idempotency: { key: idempotencyKey, fingerprint: fingerprint(retryOf === undefined ? request : { retry_of: retryOf, request }) } };
    const answer = await this.store.create({ request: { ...request, ...(workspace ? { workspace } : {}) }, trigger, retryOf, scheduleId, ...idempotency });
    switch (answer.kind) {
      case 'idempotency_key_reused':
        throw new ProblemError('idempotency_key_reused', undefined, [{ field: 'Idempotency-Key', message: 'was used before, for another body, or its run was deleted: use a new key' }]);
      case 'session_not_found':
        throw new ProblemError('session_not_found', undefined, [{ field: 'session_id', message: 'is not known: use the session_id of an earlier run, or leave it out' }]);
      case 'replayed':
        return { run: answer.run, replayed: true };
      case 'created':
        if (answer.dispatch !== null) await this.tickets.send({ runId: answer.run.id, dispatch: answer.dispatch, priority: answer.run.priority });
        return { run: answer.run, replayed: false };
    }
  }
}
