// Single remarks between the tool calls: retries, background tasks, what Runyard did with the run.
import { oneLine, visible } from '../text.js';
import { number, object, objects, text } from './message.js';
import type { Loose } from './message.js';

export interface Note {
  readonly tone: 'dim' | 'yellow' | 'red';
  readonly text: string;
}

/** Remarks on an event that is not a line of the CLI, or a line that no other part shows. */
export function noteOfRunEvent(type: string, data: Loose): Note[] {
  switch (type) {
    case 'run.queued':
      return queuedAgain(text(data['reason']));
    case 'run.started':
      return (number(data['attempt']) ?? 1) > 1 ? [warning(`↻ attempt ${number(data['attempt'])}`)] : [];
    case 'run.waiting':
      return waitingNotes(data);
    case 'run.resumed':
      return [warning(data['how'] === 'restart' ? '▶ begins again' : '▶ goes on with the conversation')];
    case 'run.handed_over':
      return [warning('↻ handed over to another worker')];
    case 'run.interrupted':
      return [warning('⏸ the turn was interrupted')];
    case 'input.received':
      return data['type'] === 'cancel' ? [warning('■ cancel requested')] : [];
    case 'workspace.ready':
      return ignoredSettings(data);
    case 'log.stderr':
      return stderrLines(text(data['text']) ?? '');
    default:
      return [];
  }
}

/** Remarks on a `system` line of the CLI, all but its `init`. */
export function noteOfSystemMessage(message: Loose): Note[] {
  switch (message['subtype']) {
    case 'api_retry':
      return [warning(retryText(message))];
    case 'model_fallback':
      return [warning(`↻ ${oneLine(text(message['content']) ?? 'another model answers')}`)];
    case 'task_notification':
      // Without an output file it is the end of a command that was waited for, which its result tells.
      return message['output_file'] === undefined ? [] : [{ tone: 'dim', text: backgroundText(oneLine(text(message['summary']) ?? 'ended')) }];
    case 'compact_boundary':
      return [{ tone: 'dim', text: '✻ the conversation was compacted' }];
    case 'session_writes_lost':
      return [warning('! the transcript could not be written: this session cannot be continued')];
    default:
      return [];
  }
}

function queuedAgain(reason: string | undefined): Note[] {
  switch (reason) {
    case 'lease_expired':
    case 'lease_lost':
      return [warning('↻ its worker was lost: queued again')];
    case 'elsewhere':
      return [warning('↻ left to a worker that can do it')];
    case 'given_back':
      return [warning('↻ its worker could not begin: queued again')];
    case 'upstream':
      return [warning('▶ asks the model provider again')];
    case 'resume':
    case 'restart':
      return [warning(`▶ decided: ${reason}`)];
    default:
      return [];
  }
}

function waitingNotes(data: Loose): Note[] {
  const waitingFor = oneLine(text(data['waiting_for']) ?? 'something');
  const reason = oneLine(text(data['reason']) ?? '');
  const resumesAt = oneLine(text(data['resumes_at']) ?? '');
  const notes = [warning(`⏸ waits for ${waitingFor}${reason === '' ? '' : `: ${reason}`}`)];
  if (resumesAt !== '') notes.push(warning(`  goes on by itself at ${resumesAt}`));
  if (waitingFor === 'recovery') notes.push(warning('  decide: runyard recover <id> resume, restart or abandon'));
  return notes;
}

function backgroundText(summary: string): string {
  return /^background/i.test(summary) ? `✻ ${summary}` : `✻ background task: ${summary}`;
}

function retryText(message: Loose): string {
  const status = number(message['error_status']);
  const cause = status === undefined ? 'no connection to the model' : `the model answered ${status}`;
  const seconds = ((number(message['retry_delay_ms']) ?? 0) / 1000).toFixed(1);
  return `↻ ${cause}: retry ${number(message['attempt']) ?? '?'} of ${number(message['max_retries']) ?? '?'} in ${seconds} s`;
}

function ignoredSettings(data: Loose): Note[] {
  const ignored = (Array.isArray(data['ignored']) ? data['ignored'] : []).filter((item) => typeof item === 'string').map(oneLine);
  return ignored.length === 0 ? [] : [{ tone: 'dim', text: `ignored here: ${ignored.join(', ')}` }];
}

const STDERR_LINES = 5;

function stderrLines(stderr: string): Note[] {
  const lines = visible(stderr).split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, STDERR_LINES).map((line) => ({ tone: 'dim', text: `  stderr: ${line.trimEnd()}` }));
}

/** The tasks that run in the background by a `background_tasks_changed` line. */
export function backgroundTasks(message: Loose): number {
  return objects(object(message)['tasks']).length;
}

function warning(line: string): Note {
  return { tone: 'yellow', text: line };
}
