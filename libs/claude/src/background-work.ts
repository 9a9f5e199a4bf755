// Which tool uses go on in the background after their results: their ends are told, or nobody knows them.
import { objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

export interface BackgroundTask {
  readonly taskId: string;
  /** Such as `local_bash`, `local_agent`. */
  readonly type: string;
  readonly description: string;
  readonly toolUseId: string | undefined;
}

/** Follows `system` messages. A task is known by its first mention; the list of the running ones may come before or after it. */
export class BackgroundWork {
  readonly #known = new Map<string, BackgroundTask>();
  #running = new Set<string>();

  get running(): readonly BackgroundTask[] {
    return [...this.#running].map((id) => this.#known.get(id) ?? { taskId: id, type: '', description: '', toolUseId: undefined });
  }

  /** `background_tasks_changed`: the whole list, each time. */
  replace(message: JsonObject): void {
    const tasks = objectsField(message, 'tasks');
    this.#running = new Set(tasks.flatMap((task) => this.#note(task) ?? []));
  }

  /** `task_started`: foreground tasks belong to their tool. */
  started(message: JsonObject): void {
    if (message['is_backgrounded'] !== true) return;
    const id = this.#note(message);
    if (id !== undefined) this.#running.add(id);
  }

  /** `task_notification`: however it ended. */
  ended(message: JsonObject): void {
    this.#running.delete(textField(message, 'task_id') ?? '');
  }

  #note(task: JsonObject): string | undefined {
    const taskId = textField(task, 'task_id');
    if (taskId === undefined) return undefined;
    const before = this.#known.get(taskId);
    this.#known.set(taskId, {
      taskId,
      type: textField(task, 'task_type') ?? before?.type ?? '',
      description: textField(task, 'description') ?? before?.description ?? '',
      toolUseId: textField(task, 'tool_use_id') ?? before?.toolUseId,
    });
    return taskId;
  }
}
