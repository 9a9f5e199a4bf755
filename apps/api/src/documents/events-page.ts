// docs/events.md: what can happen in a run.
import { OWN_EVENT_TYPES, RUN_TRANSITIONS } from '@runyard/domain';
import { GENERATED, row, table } from './markdown.js';

/** Markdown, from the tables in libs/domain. */
export function eventsPage(): string {
  return [
    '# Events and states',
    GENERATED,
    '## Events',
    [
      'An event is `{id, run_id, ts, type, data}`. Its id is `<attempt>-<seq>`: seq counts the events of the run from 1 and never restarts,',
      'attempt counts how often a worker has claimed the run. Ids are ordered: first by attempt, then by seq.',
    ].join('\n'),
    table(['type', 'meaning'], [
      ...Object.entries(OWN_EVENT_TYPES).map(([type, meaning]) => row(`\`${type}\``, meaning)),
      row('`claude.<type>`', 'A line of the CLI, whatever its type is; data: the line, unchanged but for the values of the run\'s secrets (then without `claude.stream_event`).'),
    ]),
    '`claude.stream_event` (partial text) is dropped when the log of a finished run is compacted. All else stays, so seq is not dense then.',
    '`GET /v1/runs/{id}/events` may also send `event: reset` with the run as its data when its history was lost. It is not part of the log.',
    '## States',
    table(['from', 'to', 'because'], RUN_TRANSITIONS.map(({ from, to, because }) => row(`\`${from}\``, `\`${to}\``, because))),
    'A state without a way out is final: `succeeded`, `failed`, `canceled`.',
  ].join('\n\n').concat('\n');
}
