// Which background tasks of a process still run, and whether one that has ended still owes a turn.
import { objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

/** How long a turn that a finished task should start is waited for. Measured: 50–100 ms. */
const FOLLOW_UP_GRACE_MS = 3_000;

/**
 * A task that ends while the session is idle starts a turn of its own, a moment later: between the two nothing runs and
 * nothing is queued, and yet the run is not over. A task that was stopped starts none, so the wait has an end.
 */
export class BackgroundTasks {
  #running = new Set<string>();
  #owedSinceMs: number | undefined;
  #wasCutOff = false;

  get count(): number {
    return this.#running.size;
  }

  /** `system/background_tasks_changed`: the whole list, each time. */
  replace(message: JsonObject): void {
    this.#running = new Set(objectsField(message, 'tasks').flatMap((task) => textField(task, 'task_id') ?? []));
  }

  /** `system/task_started`: foreground tasks (a slow Bash command, a subagent) belong to their tool, not here. */
  started(message: JsonObject): void {
    const id = textField(message, 'task_id');
    if (id !== undefined && message['is_backgrounded'] === true) this.#running.add(id);
  }

  /** `system/task_notification`: arrives before the list that leaves the task out. */
  ended(message: JsonObject, sessionIsIdle: boolean, nowMs: number): void {
    const id = textField(message, 'task_id');
    if (id === undefined || !this.#running.delete(id)) return;
    if (textField(message, 'status') === 'stopped') this.#wasCutOff = true;
    else if (sessionIsIdle) this.#owedSinceMs = nowMs;
  }

  /** A turn has begun: whatever was owed is paid. */
  turnBegan(): void {
    this.#owedSinceMs = undefined;
  }

  /** Claude has given an answer, and knew by then what had been stopped. */
  answered(): void {
    this.#wasCutOff = false;
  }

  /** One was to begin and has not, however long ago that was; or it never will, because its task was stopped: an interrupt stops them all. */
  get turnOwed(): boolean {
    return this.#owedSinceMs !== undefined || this.#wasCutOff;
  }

  owesTurn(nowMs: number): boolean {
    return this.#owedSinceMs !== undefined && nowMs - this.#owedSinceMs < FOLLOW_UP_GRACE_MS;
  }
}
