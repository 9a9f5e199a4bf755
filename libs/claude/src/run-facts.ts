// What the stored messages of one attempt prove: which tools may have run, which ended, what was answered. Pure.
import { BackgroundWork } from './background-work.js';
import { numberField, objectField, objectsField, textField } from './json-fields.js';
import { isLeftoverResult } from './leftover-result.js';
import { parseMessage, peekMessage } from './message-peek.js';
import type { JsonObject } from './message-peek.js';
import { isReadOnlyTool } from './tool-effects.js';
import { UsedTools } from './used-tools.js';
import type { CompletedTool, NotedTool, ReleasedTool } from './used-tools.js';

/** The failure that the CLI tells in a message of its own, as if the model had said it. */
export interface UpstreamError {
  /** The CLI's class, such as `rate_limit`. */
  readonly errorClass: string;
  /** Of the HTTP answer; undefined when there was none. */
  readonly status: number | undefined;
}

export interface RunFacts {
  /** A block of an answer of the model was completed. */
  readonly answered: boolean;
  /** Tools that may have run, in order. */
  readonly released: readonly ReleasedTool[];
  /** Those of them of which only the worker's notes know that they were let go: messages of the attempt are lost. */
  readonly unlogged: readonly ReleasedTool[];
  /** Ids of tools that have a result. */
  readonly completed: readonly string[];
  /** Released and without result. */
  readonly inFlight: readonly ReleasedTool[];
  /** A tool that is not known to only read may have run. */
  readonly changed: boolean;
  /** Those of them whose effect nobody knows: in flight, or still running in the background when the messages end. */
  readonly changingInFlight: readonly ReleasedTool[];
  /** What still ran in the background, subagents included: it has ended with the process, and the model does not know. */
  readonly inBackground: readonly ReleasedTool[];
  readonly lastResult: JsonObject | undefined;
  /** The last five, oldest first. */
  readonly lastCompleted: readonly CompletedTool[];
  readonly model: string | undefined;
  /** Undefined once the model has answered after it. */
  readonly upstreamError: UpstreamError | undefined;
}

const SYNTHETIC = '<synthetic>';
const AGENT_TASK = 'local_agent';

/** Collects the facts. Feed it the lines of one attempt, in order. */
export class RunFactsReader {
  readonly #tools: UsedTools;
  readonly #background = new BackgroundWork();
  #answered = false;
  #lastResult: JsonObject | undefined;
  #model: string | undefined;
  #upstreamError: UpstreamError | undefined;

  /** @param noted tools that the worker wrote down before it let them go: they may have run, whether or not the lines say so */
  constructor(noted: readonly NotedTool[] = []) {
    this.#tools = new UsedTools(noted);
  }

  /** Takes the next line; what is no message, or of a type nobody knows, is ignored. */
  feed(line: Buffer): void {
    const peek = peekMessage(line);
    if (peek.kind === 'garbage') return;
    if (peek.type === 'stream_event') return;
    const message = parseMessage(line, peek);
    if (message !== undefined) this.#take(peek.type, message);
  }

  /** What the lines so far prove. */
  facts(): RunFacts {
    const inBackground = this.#background.running.map((task) => this.#toolOf(task));
    const { inFlight } = this.#tools;
    return {
      answered: this.#answered,
      released: this.#tools.released,
      unlogged: this.#tools.unlogged,
      completed: this.#tools.completed,
      inFlight,
      changed: this.#tools.changed,
      changingInFlight: uniqueById([...inFlight, ...inBackground].filter(({ name }) => !isReadOnlyTool(name))),
      inBackground,
      lastResult: this.#lastResult,
      lastCompleted: this.#tools.lastCompleted,
      model: this.#model,
      upstreamError: this.#upstreamError,
    };
  }

  #take(type: string, message: JsonObject): void {
    switch (type) {
      case 'system':
        return this.#system(message);
      case 'assistant':
        return this.#assistant(message);
      case 'user':
        return this.#tools.results(message);
      case 'control_request':
        return this.#tools.gate(message);
      case 'control_cancel_request':
        return this.#tools.gateCanceled(message);
      case 'result':
        if (!isLeftoverResult(message, this.#lastResult)) this.#lastResult = message;
        return;
      default:
        return;
    }
  }

  #system(message: JsonObject): void {
    switch (message['subtype']) {
      case 'init':
        this.#model ??= textField(message, 'model');
        return;
      case 'permission_denied':
        return this.#tools.denied(message);
      case 'background_tasks_changed':
        return this.#background.replace(message);
      case 'task_started':
        return this.#background.started(message);
      case 'task_notification':
        return this.#background.ended(message);
      default:
        return;
    }
  }

  #assistant(message: JsonObject): void {
    const answer = objectField(message, 'message');
    if (textField(answer, 'model') === SYNTHETIC) {
      const errorClass = textField(message, 'error');
      if (errorClass !== undefined) this.#upstreamError = { errorClass, status: numberField(message, 'api_error_status') };
      return;
    }
    if (objectsField(answer, 'content').length > 0) this.#answered = true;
    this.#upstreamError = undefined;
    this.#tools.assistant(message);
  }

  /** A task whose tool is not known stands for itself; whether it is a subagent is known from its type. */
  #toolOf({ taskId, type, description, toolUseId }: BackgroundWork['running'][number]): ReleasedTool {
    const tool = this.#tools.find(toolUseId);
    return tool ?? { id: toolUseId ?? taskId, name: type === AGENT_TASK ? 'Task' : 'background task', input: { description } };
  }
}

/** The facts of one attempt. @param lines the data of its `claude.*` events, in order */
export function runFactsOf(lines: Iterable<Buffer>): RunFacts {
  const reader = new RunFactsReader();
  for (const line of lines) reader.feed(line);
  return reader.facts();
}

function uniqueById(tools: readonly ReleasedTool[]): ReleasedTool[] {
  return [...new Map(tools.map((tool) => [tool.id, tool])).values()];
}
