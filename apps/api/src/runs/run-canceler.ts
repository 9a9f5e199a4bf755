// Ends runs: one, a list, or all that fit a filter, in batches that never hold Redis up.
import { Injectable } from '@nestjs/common';
import { LIMITS, RUN_STATUSES, TERMINAL_STATUSES } from '@runyard/domain';
import type { CancelCounts, CancelRuns, RunFilter } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { CancelAnswer } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { storeFilter } from './run-filter.js';
import { TicketSender } from './ticket-sender.js';

/** Runs that one request with a filter ends at most. */
export const CANCELED_AT_ONCE = 10_000;
const BATCH = 20;

type Counts = Record<Exclude<keyof CancelCounts, 'object' | 'more'>, number>;

@Injectable()
export class RunCanceler {
  constructor(
    private readonly store: RunStore,
    private readonly tickets: TicketSender,
    private readonly context: ApiContext,
  ) {}

  /** Ends a run without a process at once, else asks its worker. Twice = once. */
  async cancel(id: string): Promise<CancelAnswer> {
    const answer = await this.store.cancel(id);
    if (answer.kind === 'not_found') return answer;
    if (answer.kind === 'canceled') this.context.runMetrics.ended({ status: 'canceled', reason: undefined, trigger: answer.run.trigger, durationMs: undefined });
    if (answer.next) await this.tickets.send(answer.next);
    if (answer.kind === 'canceled' && answer.run.dispatch > 0) await this.tickets.withdraw({ runId: id, dispatch: answer.run.dispatch });
    return answer;
  }

  async cancelAll(wanted: CancelRuns): Promise<CancelCounts> {
    const counts: Counts = { canceled: 0, requested: 0, already_terminal: 0, not_found: 0 };
    const more = 'ids' in wanted ? await this.#cancelIds([...new Set(wanted.ids)], counts) : await this.#cancelFitting(wanted.filter, counts);
    return { object: 'cancel_counts', ...counts, more };
  }

  async #cancelIds(ids: readonly string[], counts: Counts): Promise<false> {
    for (let at = 0; at < ids.length; at += BATCH) {
      const answers = await Promise.all(ids.slice(at, at + BATCH).map((id) => this.cancel(id)));
      for (const { kind } of answers) counts[kind] += 1;
    }
    return false;
  }

  /** True when there are more. Queued ones come first, so that none of them starts because another one ended. */
  async #cancelFitting(filter: RunFilter, counts: Counts): Promise<boolean> {
    const live = RUN_STATUSES.filter((status) => !TERMINAL_STATUSES.some((terminal) => terminal === status));
    let left = CANCELED_AT_ONCE;
    for (const status of filter.status === undefined ? live : [filter.status]) {
      let page: string | undefined;
      do {
        if (left <= 0) return true;
        const { ids, nextPage } = await this.store.listIds({ ...storeFilter({ ...filter, status }), limit: LIMITS.pageSize, page });
        await this.#cancelIds(ids, counts);
        left -= ids.length;
        page = nextPage ?? undefined;
      } while (page !== undefined);
    }
    return false;
  }
}
