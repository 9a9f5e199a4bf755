// Schedules of one API: one method per endpoint.
import { newId } from '@runyard/domain';
import type { PutSchedule, Run, Schedule, ScheduleList, Slot, SlotList } from '@runyard/domain';
import type { Http } from './http.js';

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** Every method throws ApiProblem or ServerUnreachable, or the reason of its signal. */
export class ScheduleClient {
  constructor(private readonly http: Http) {}

  /** All schedules, ordered by id; further pages are fetched as they are asked for. */
  async *list({ signal }: Options = {}): AsyncGenerator<Schedule, void, undefined> {
    let page: string | undefined;
    do {
      const list: ScheduleList = await this.http.json<ScheduleList>({ path: '/v1/schedules', query: { limit: 100, page }, signal });
      yield* list.data;
      page = list.next_page ?? undefined;
    } while (page !== undefined);
  }

  async get(id: string, { signal }: Options = {}): Promise<Schedule> {
    return this.http.json<Schedule>({ path: pathOf(id), signal });
  }

  /** Makes the schedule or changes it; fields that are left out have their defaults, but a paused schedule stays paused. */
  async put(id: string, body: Partial<PutSchedule>, { signal }: Options = {}): Promise<Schedule> {
    return this.http.json<Schedule>({ method: 'PUT', path: pathOf(id), body, signal });
  }

  /** Changes nothing; throws what `put` of this body would be refused with. */
  async check(id: string, body: Partial<PutSchedule>, { signal }: Options = {}): Promise<void> {
    await this.http.send({ method: 'PUT', path: pathOf(id), query: { dry_run: 'true' }, body, signal });
  }

  /** Forgets the schedule. Not repeated: the second time it is not there. */
  async delete(id: string, { signal }: Options = {}): Promise<void> {
    await this.http.send({ method: 'DELETE', path: pathOf(id), signal });
  }

  /** Makes a run of the schedule now. Repeated by itself; one run comes of it. */
  async run(id: string, { signal }: Options = {}): Promise<Run> {
    return this.http.json<Run>({ method: 'POST', path: `${pathOf(id)}/run`, headers: { 'idempotency-key': newId('request') }, signal });
  }

  /** What happened at the latest due times, the latest first, at most 100. */
  async slots(id: string, { signal, limit = 20 }: Options & { readonly limit?: number } = {}): Promise<Slot[]> {
    return (await this.http.json<SlotList>({ path: `${pathOf(id)}/slots`, query: { limit }, signal })).data;
  }
}

function pathOf(id: string): string {
  return `/v1/schedules/${encodeURIComponent(id)}`;
}
