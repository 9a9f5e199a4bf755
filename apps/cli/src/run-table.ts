// Runs as a table, and one run in full.
import type { Prompt, Run } from '@runyard/domain';
import { isTerminal } from '@runyard/domain';
import type { Context } from './context.js';
import { toJson } from './output.js';
import { painter, paintStatus } from './style.js';
import { renderFields, renderTable } from './table.js';
import { oneLine, visible } from './text.js';
import { formatAge, formatCost, formatCount, formatDuration, formatUntil } from './units.js';

type Terminal = Pick<Context, 'stdout'>;

// Where nobody cuts lines, a prompt of a megabyte should still not come whole.
const WIDTH_WITHOUT_TERMINAL = 200;

/** One line per run, newest first as given. */
export function runTable(runs: readonly Run[], { stdout }: Terminal, nowMs: number = Date.now()): string {
  const paint = painter(stdout);
  return renderTable<Run>(
    [
      { title: 'ID', text: (run) => run.id },
      { title: 'STATUS', text: (run) => statusText(run, nowMs), paint: (text, run) => paintStatus(paint, run.status, text) },
      { title: 'AGE', text: (run) => formatAge(run.created_at, nowMs) },
      { title: 'TIME', text: (run) => timeOf(run, nowMs) },
      { title: 'TURNS', text: (run) => (run.num_turns === null ? '' : String(run.num_turns)) },
      { title: 'COST', text: (run) => (run.cost_usd === null ? '' : formatCost(run.cost_usd, run.cost_estimated)) },
      { title: 'PROMPT', text: (run) => run.name ?? promptText(run.prompt).slice(0, 500) },
    ],
    runs,
    { paint, width: stdout.columns ?? WIDTH_WITHOUT_TERMINAL },
  );
}

/** Everything about one run that a person wants to know. */
export function runDetails(run: Run, { stdout }: Terminal, nowMs: number = Date.now()): string {
  const paint = painter(stdout);
  const usage = run.usage && `${formatCount(run.usage.input_tokens)} in, ${formatCount(run.usage.output_tokens)} out, ${formatCount(run.usage.cache_read_input_tokens)} from cache`;
  return renderFields(
    [
      ['id', run.id],
      ['status', paintStatus(paint, run.status, statusText(run, nowMs))],
      ['waits', run.status === 'waiting' ? run.reason && visible(run.reason) : null],
      ['goes on', run.resumes_at && `${run.resumes_at} (${formatUntil(run.resumes_at, nowMs)})`],
      ['name', run.name && oneLine(run.name)],
      ['prompt', firstLines(visible(promptText(run.prompt)))],
      ['session', run.session_id],
      ['model', run.model && oneLine(run.model)],
      ['workspace', run.workspace.type === 'directory' ? oneLine(run.workspace.path) : run.workspace.type],
      ['trigger', run.trigger],
      ['attempt', run.attempt === 0 ? null : `${run.attempt}${run.worker_id === null ? '' : ` on ${run.worker_id}`}`],
      ['created', `${run.created_at} (${formatAge(run.created_at, nowMs)} ago)`],
      ['started', run.started_at],
      ['ended', run.ended_at],
      ['time', timeOf(run, nowMs)],
      ['turns', run.num_turns === null ? null : String(run.num_turns)],
      ['tokens', usage],
      ['cost', run.cost_usd === null ? null : formatCost(run.cost_usd, run.cost_estimated)],
      ['tags', run.tags.map(oneLine).join(', ')],
      ['metadata', Object.entries(run.metadata).map(([name, value]) => `${oneLine(name)}=${oneLine(value)}`).join('\n')],
      ['failure', run.failure && visible(`${run.failure.code}: ${run.failure.message}`)],
      ['answer', run.structured_output === null ? run.result && visible(run.result) : toJson(run.structured_output, 2)],
    ],
    paint,
    stdout.columns,
  );
}

/** The prompt as text; an image is a word. */
export function promptText(prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  return prompt.map((block) => (block.type === 'text' ? block.text : '[image]')).join(' ');
}

/** The state of a run with what it waits for, and for how long. */
export function statusText(run: Run, nowMs: number = Date.now()): string {
  if (run.status === 'failed' && run.failure) return `failed (${run.failure.code})`;
  if (run.status === 'waiting' && run.waiting_for) return `waiting (${run.waiting_for}${run.resumes_at === null ? '' : `, ${formatUntil(run.resumes_at, nowMs)}`})`;
  if (run.status === 'queued' && run.queued_reason) return `queued (${run.queued_reason})`;
  return run.cancel_requested_at !== null && !isTerminal(run.status) ? `${run.status} (canceling)` : run.status;
}

function timeOf(run: Run, nowMs: number): string {
  if (run.duration_ms !== null) return formatDuration(run.duration_ms);
  return run.started_at === null || isTerminal(run.status) ? '' : formatDuration(nowMs - Date.parse(run.started_at));
}

const SHOWN_LINES = 12;

function firstLines(text: string): string {
  const lines = text.split('\n');
  return lines.length <= SHOWN_LINES ? text : `${lines.slice(0, SHOWN_LINES).join('\n')}\n… ${lines.length - SHOWN_LINES} more lines`;
}
