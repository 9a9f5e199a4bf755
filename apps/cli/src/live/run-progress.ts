// Where a run stands, for the status line: time, turns, tokens, cost, and what happens at the moment.
import type { Run, RunEvent } from '@runyard/domain';
import type { Paint } from '../style.js';
import { oneLine, truncate } from '../text.js';
import { formatCost, formatCount, formatDuration, plural } from '../units.js';
import { isInner, number, object, objects, text } from './message.js';
import type { Loose } from './message.js';
import { backgroundTasks } from './notes.js';

const WAITING_FOR_TASKS = 'waiting for the background';

/** Feed it each event once, in order; ask for the line as often as you like. */
export class RunProgress {
  /** By our clock, in milliseconds. */
  #sinceMs: number;
  #turns = 0;
  #outputTokens = 0;
  #costUsd: number | undefined;
  #background = 0;
  readonly #openTools = new Map<string, string>();
  #doing: string;

  constructor(run: Pick<Run, 'status' | 'created_at' | 'started_at'>, nowMs: number) {
    this.#sinceMs = Math.min(nowMs, Date.parse(run.started_at ?? run.created_at));
    this.#doing = run.status === 'queued' ? 'queued' : 'starting';
  }

  feed({ type, data, ts }: RunEvent): void {
    const message = object(data);
    if (type === 'run.started') {
      this.#sinceMs = Math.min(Date.now(), Date.parse(ts) || Date.now());
      this.#doing = 'starting claude';
      // What an earlier attempt had open is gone with its process.
      this.#openTools.clear();
      this.#background = 0;
    } else if (type === 'run.queued') this.#doing = 'queued';
    else if (type === 'run.waiting') this.#doing = `waiting for ${oneLine(text(message['waiting_for']) ?? 'something')}`;
    else if (type === 'input.received' && message['type'] === 'cancel') this.#doing = 'canceling';
    else if (type === 'claude.stream_event' && !isInner(message)) this.#stream(object(message['event']));
    else if (type === 'claude.assistant') this.#assistant(message);
    else if (type === 'claude.user') this.#user(message);
    else if (type === 'claude.system') this.#system(message);
    else if (type === 'claude.result') this.#result(message);
  }

  /** The connection to the API is gone for now. */
  disconnected(reason: string): void {
    this.#doing = `connecting again (${oneLine(reason)})`;
  }

  /** `0:42 · 3 turns · 1.2k tokens · $0.0123 · running Bash`, at most `width` columns. */
  line(nowMs: number, width: number, paint: Paint): string {
    const facts = [
      `⏱ ${formatDuration(nowMs - this.#sinceMs)}`,
      this.#turns === 0 ? undefined : plural(this.#turns, 'turn'),
      this.#outputTokens === 0 ? undefined : `${formatCount(this.#outputTokens)} tokens`,
      this.#costUsd === undefined ? undefined : formatCost(this.#costUsd),
      this.#background === 0 ? undefined : `${plural(this.#background, 'task')} in the background`,
      this.#doing,
    ].filter((fact) => fact !== undefined);
    return paint('dim', truncate(facts.join(' · '), width));
  }

  #stream(event: Loose): void {
    if (event['type'] === 'message_start') {
      this.#turns += 1;
      this.#doing = 'thinking';
    } else if (event['type'] === 'content_block_start') {
      const block = object(event['content_block']);
      if (block['type'] === 'text') this.#doing = 'writing';
      if (block['type'] === 'tool_use') this.#doing = `calling ${oneLine(text(block['name']) ?? 'a tool')}`;
    } else if (event['type'] === 'message_delta') {
      this.#outputTokens += number(object(event['usage'])['output_tokens']) ?? 0;
    }
  }

  #assistant(message: Loose): void {
    for (const block of objects(object(message['message'])['content'])) {
      if (block['type'] === 'tool_use') this.#openTools.set(text(block['id']) ?? '', oneLine(text(block['name']) ?? 'a tool'));
    }
    this.#showTool();
  }

  #user(message: Loose): void {
    for (const block of objects(object(message['message'])['content'])) this.#openTools.delete(text(block['tool_use_id']) ?? '');
    if (this.#openTools.size === 0) this.#doing = 'waiting for the model';
    this.#showTool();
  }

  #showTool(): void {
    const [tool] = this.#openTools.values();
    if (tool !== undefined) this.#doing = `running ${tool}`;
  }

  #system(message: Loose): void {
    if (message['subtype'] === 'background_tasks_changed') {
      this.#background = backgroundTasks(message);
      if (this.#background === 0 && this.#doing === WAITING_FOR_TASKS) this.#doing = 'waiting for the model';
    }
    if (message['subtype'] === 'status' && message['status'] === 'requesting') this.#doing = 'waiting for the model';
    if (message['subtype'] === 'api_retry') this.#doing = `retrying (${number(message['attempt']) ?? '?'} of ${number(message['max_retries']) ?? '?'})`;
  }

  #result(message: Loose): void {
    this.#costUsd = number(message['total_cost_usd']) ?? this.#costUsd;
    this.#openTools.clear();
    this.#doing = this.#background > 0 ? WAITING_FOR_TASKS : 'finishing';
  }
}
