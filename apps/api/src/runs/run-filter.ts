// The filter of a request → the filter of the store.
import type { RunFilter } from '@runyard/domain';
import type { RunFilter as StoreFilter } from '@runyard/run-store';

export function storeFilter(filter: RunFilter): StoreFilter {
  return {
    status: filter.status,
    sessionId: filter.session_id,
    scheduleId: filter.schedule_id,
    tag: filter.tag,
    trigger: filter.trigger,
    createdAfterMs: filter.created_after === undefined ? undefined : Date.parse(filter.created_after),
    createdBeforeMs: filter.created_before === undefined ? undefined : Date.parse(filter.created_before),
  };
}
