// Reading the events of a run: what may be asked and a page of them.
import { z } from 'zod';
import { EventId, RunEvent } from './events.js';
import { LIMITS } from './limits.js';

const flag = z.enum(['0', '1'], 'must be 0 or 1');

/** Query of the events of a run; `limit` and `page` mean something only for JSON pages. */
export const ListEventsQuery = z
  .strictObject({
    after: EventId.optional().describe('Only events after this id. The header Last-Event-ID says the same and wins.'),
    deltas: flag.default('1').describe('0 leaves out claude.stream_event, the partial text.'),
    limit: z.coerce.number().int().min(1).max(LIMITS.eventPageSize).default(LIMITS.defaultEventPageSize).describe('Events of a page, JSON only.'),
    page: EventId.optional().describe('next_page of the page before, JSON only.'),
  })
  .refine((query) => query.after === undefined || query.page === undefined, { path: ['page'], message: 'must not stand beside after: both say where to begin' })
  .meta({ id: 'ListEventsQuery' });
export type ListEventsQuery = z.infer<typeof ListEventsQuery>;

/** Query of the events of all runs. */
export const LifecycleQuery = z
  .strictObject({ after: z.string().max(100).optional().describe('Id of the last frame that was seen. The header Last-Event-ID says the same and wins.') })
  .meta({ id: 'LifecycleQuery' });
export type LifecycleQuery = z.infer<typeof LifecycleQuery>;

/** A page of events. Shorter than `limit` when the events are large. */
export const EventList = z
  .object({
    data: z.array(RunEvent),
    next_page: z.string().nullable().describe('null when there is nothing more now; a live run may still go on after the last event.'),
  })
  .meta({ id: 'EventList' });
export type EventList = z.infer<typeof EventList>;
