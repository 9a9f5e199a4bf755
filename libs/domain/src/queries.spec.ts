// Queries of lists: defaults, limits, and nothing unknown.
import { expect, test } from 'vitest';
import { ListEventsQuery } from './event-list.js';
import { isSettled, LIST_RUNS_NOT_AVAILABLE, ListRunsQuery } from './run.js';
import { RUN_STATUSES } from './run-state.js';

test('runs: a page has 20 unless asked otherwise', () => {
  expect(ListRunsQuery.parse({})).toEqual({ limit: 20 });
  expect(ListRunsQuery.parse({ limit: '100', page: 'p', status: 'queued', session_id: 's' })).toEqual({ limit: 100, page: 'p', status: 'queued', session_id: 's' });
});

test.each([{ limit: '0' }, { limit: '101' }, { limit: '' }, { limit: 'ten' }, { limit: ['1', '2'] }, { limit: '1.5' }, { status: 'done' }, { colour: 'red' }, { page: 'x'.repeat(201) }])(
  'runs: refuses %j',
  (query) => {
    expect(ListRunsQuery.safeParse(query).success).toBe(false);
  },
);

test.each(LIST_RUNS_NOT_AVAILABLE)('runs: the filter %s waits for a later version', (name) => {
  expect(ListRunsQuery.safeParse({ [name]: 'x' }).error?.issues).toEqual([expect.objectContaining({ code: 'unrecognized_keys', keys: [name] })]);
});

test('events: from the first, with partial text, 100 on a page', () => {
  expect(ListEventsQuery.parse({})).toEqual({ deltas: '1', limit: 100 });
  expect(ListEventsQuery.parse({ after: '1-5', deltas: '0', limit: '1000' })).toEqual({ after: '1-5', deltas: '0', limit: 1000 });
});

test.each([{ after: 'x' }, { after: '1-0' }, { page: '1' }, { deltas: 'no' }, { deltas: '' }, { limit: '1001' }, { after: '1-1', page: '1-2' }, { since: '1-1' }])('events: refuses %j', (query) => {
  expect(ListEventsQuery.safeParse(query).success).toBe(false);
});

test('a run is settled when only somebody or nothing can change it', () => {
  expect(RUN_STATUSES.filter((status) => isSettled({ status }))).toEqual(['waiting', 'succeeded', 'failed', 'canceled']);
});
