// Schedules, and what became of their due times, as tables.
import type { Schedule, Slot } from '@runyard/domain';
import type { Context } from './context.js';
import { promptText } from './run-table.js';
import { painter } from './style.js';
import { renderTable } from './table.js';

type Terminal = Pick<Context, 'stdout'>;

// Where nobody cuts lines, a prompt of a megabyte should still not come whole.
const WIDTH_WITHOUT_TERMINAL = 200;

/** One line per schedule. */
export function scheduleTable(schedules: readonly Schedule[], { stdout }: Terminal): string {
  const paint = painter(stdout);
  return renderTable<Schedule>(
    [
      { title: 'NAME', text: nameOf },
      { title: 'STATE', text: ({ enabled }) => (enabled ? 'on' : 'paused'), paint: (text, { enabled }) => paint(enabled ? 'green' : 'yellow', text) },
      { title: 'DUE', text: ({ cron, every_seconds, timezone }) => (cron === null ? `every ${every_seconds} s` : `${cron} ${timezone}`) },
      { title: 'NEXT', text: ({ next_runs }) => next_runs[0] ?? '' },
      { title: 'LAST', text: ({ last_slot }) => (last_slot ? outcomeOf(last_slot) : ''), paint: (text, { last_slot }) => (last_slot?.reason === 'refused' ? paint('red', text) : text) },
      { title: 'LAST RUN', text: ({ last_run_id }) => last_run_id ?? '' },
      { title: 'PROMPT', text: ({ run }) => run.name ?? promptText(run.prompt).slice(0, 500) },
    ],
    schedules,
    { paint, width: stdout.columns ?? WIDTH_WITHOUT_TERMINAL },
  );
}

/** One line per slot. */
export function slotTable(slots: readonly Slot[], { stdout }: Terminal): string {
  const paint = painter(stdout);
  return renderTable<Slot>(
    [
      { title: 'DUE', text: ({ due_at, until }) => (until === null ? due_at : `${due_at} to ${until}`) },
      { title: 'OUTCOME', text: outcomeOf, paint: (text, { reason }) => (reason === 'refused' ? paint('red', text) : text) },
      { title: 'RUN', text: ({ run_id, detail }) => run_id ?? detail ?? '' },
    ],
    slots,
    { paint, width: stdout.columns ?? WIDTH_WITHOUT_TERMINAL },
  );
}

/** The name without the prefix of ids. */
export function nameOf({ id }: Pick<Schedule, 'id'>): string {
  return id.replace(/^sch_/, '');
}

/** `run`, or why there was none. */
function outcomeOf({ status, reason }: Slot): string {
  return status === 'created' ? 'run' : (reason ?? status);
}
