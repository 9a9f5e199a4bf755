// Follows the messages of one process and knows when its input may be closed. Pure: no clock, no process.
import { BackgroundTasks } from './background-tasks.js';
import { Denials } from './denials.js';
import type { Denial } from './denials.js';
import { objectField, textField } from './json-fields.js';
import { parseMessage } from './message-peek.js';
import type { JsonObject, Peek } from './message-peek.js';
import { OpenTools } from './open-tools.js';
import type { OpenTool, ToolResult } from './open-tools.js';
import { SentMessages } from './sent-messages.js';
import { addResult, NO_TOTALS } from './usage.js';
import type { ProcessTotals } from './usage.js';

export interface OpenPermission {
  readonly requestId: string;
  readonly toolName: string;
  readonly toolUseId: string | undefined;
  readonly input: JsonObject;
  readonly sinceMs: number;
}

export interface TurnTrackerOptions {
  /** A tool has answered, also one of a subagent. */
  readonly onToolResult?: (toolName: string, outcome: ToolResult['outcome']) => void;
}

/** What the first `system/init` says. */
export interface SessionStart {
  readonly sessionId: string;
  readonly model: string | undefined;
  readonly permissionMode: string | undefined;
  readonly claudeVersion: string | undefined;
}

/**
 * Everything the end of a run and the watchdogs hang on. One `result` is not the end: queued messages
 * and finished background tasks start turns of their own, each with an init and a result.
 */
export class TurnTracker {
  readonly #onToolResult: NonNullable<TurnTrackerOptions['onToolResult']>;
  readonly #tools = new OpenTools();
  readonly #denials = new Denials();
  readonly #tasks = new BackgroundTasks();
  readonly #sent = new SentMessages();
  readonly #permissions = new Map<string, OpenPermission>();
  #start: SessionStart | undefined;
  #sawMessage = false;
  #lastResult: JsonObject | undefined;
  #structuredOutput: unknown;
  #totals: ProcessTotals = NO_TOTALS;
  #errorClass: string | undefined;
  #turnOpen = false;
  /** Of `session_state_changed`; undefined for a CLI that does not send it. */
  #sessionState: string | undefined;

  constructor({ onToolResult = () => undefined }: TurnTrackerOptions = {}) {
    this.#onToolResult = onToolResult;
  }

  /** The first message has come: the CLI lives. */
  get sawMessage(): boolean {
    return this.#sawMessage;
  }

  get session(): SessionStart | undefined {
    return this.#start;
  }

  get lastResult(): JsonObject | undefined {
    return this.#lastResult;
  }

  /** The latest one: a turn that a background task starts afterwards has none. */
  get structuredOutput(): unknown {
    return this.#structuredOutput;
  }

  get totals(): ProcessTotals {
    return this.#totals;
  }

  /** The CLI's class of the last API failure, such as `billing_error`; undefined once Claude answered after it. */
  get errorClass(): string | undefined {
    return this.#errorClass;
  }

  get openTools(): readonly OpenTool[] {
    return this.#tools.all;
  }

  get openPermissions(): readonly OpenPermission[] {
    return [...this.#permissions.values()];
  }

  get denials(): readonly Denial[] {
    return this.#denials.all;
  }

  get backgroundTaskCount(): number {
    return this.#tasks.count;
  }

  /** True from the start of a turn to its result: what such a turn has cost is not in the totals. */
  get turnOpen(): boolean {
    return this.#turnOpen;
  }

  /**
   * A user message is about to be written. `uuid` must be new to the session: the CLI takes a message whose uuid its
   * transcript knows as delivered and answers nothing (measured, 2.1.330).
   */
  sent(uuid: string): void {
    this.#sent.add(uuid);
    this.#turnOpen = true;
  }

  /** A permission request has been answered. */
  permissionAnswered(requestId: string): void {
    this.#permissions.delete(requestId);
  }

  /** Takes the next line. `nowMs` is any clock that does not go backwards. */
  feed(line: Buffer, peek: Peek, nowMs: number): void {
    if (peek.kind === 'garbage') return;
    this.#sawMessage = true;
    // Partial text is most of the output and tells nothing that is needed here.
    if (peek.type === 'stream_event') return;
    const message = parseMessage(line, peek);
    if (message !== undefined) this.#take(peek.type, message, nowMs);
  }

  /** True when nothing is under way and nothing is owed, so that stdin may be closed. Ask after each line, and once a second. */
  readyToClose(nowMs: number): boolean {
    const answered = this.#lastResult !== undefined || this.#sent.allCompleted;
    const idle = this.#sessionState === undefined ? !this.#turnOpen : this.#sessionState === 'idle';
    const owed = this.#sent.pendingCount > 0 || this.#permissions.size > 0 || this.#tasks.count > 0 || this.#tasks.owesTurn(nowMs);
    return answered && idle && !owed;
  }

  #take(type: string, message: JsonObject, nowMs: number): void {
    switch (type) {
      case 'system':
        return this.#system(message, nowMs);
      case 'assistant':
        return this.#assistant(message, nowMs);
      case 'user':
        return this.#toolResults(message);
      case 'result':
        return this.#result(message);
      case 'command_lifecycle':
        return this.#sent.lifecycle(message);
      case 'control_request':
        return this.#permissionRequest(message, nowMs);
      case 'control_cancel_request':
        return this.permissionAnswered(textField(message, 'request_id') ?? '');
      default:
        return;
    }
  }

  #toolResults(message: JsonObject): void {
    for (const { tool, meta, text, outcome } of this.#tools.user(message)) {
      this.#denials.toolResult(tool, meta, text);
      this.#onToolResult(tool.name, outcome);
    }
  }

  #system(message: JsonObject, nowMs: number): void {
    switch (message['subtype']) {
      case 'init':
        return this.#init(message);
      case 'session_state_changed':
        this.#sessionState = textField(message, 'state');
        if (this.#sessionState !== 'idle') this.#tasks.turnBegan();
        return;
      case 'background_tasks_changed':
        return this.#tasks.replace(message);
      case 'task_started':
        return this.#tasks.started(message);
      case 'task_notification':
        return this.#tasks.ended(message, this.#sessionState === undefined ? !this.#turnOpen : this.#sessionState === 'idle', nowMs);
      case 'permission_denied':
        return this.#denials.reason(message);
      default:
        return;
    }
  }

  #assistant(message: JsonObject, nowMs: number): void {
    this.#tools.assistant(message, nowMs);
    // Lines of subagents say which tool they belong to.
    if (typeof message['parent_tool_use_id'] === 'string') return;
    this.#turnOpen = true;
    this.#errorClass = textField(message, 'error');
  }

  #init(message: JsonObject): void {
    this.#turnOpen = true;
    this.#tasks.turnBegan();
    const sessionId = textField(message, 'session_id');
    if (this.#start !== undefined || sessionId === undefined) return;
    this.#start = {
      sessionId,
      model: textField(message, 'model'),
      permissionMode: textField(message, 'permissionMode'),
      claudeVersion: textField(message, 'claude_code_version'),
    };
  }

  #result(message: JsonObject): void {
    this.#turnOpen = false;
    this.#lastResult = message;
    if (message['structured_output'] !== undefined) this.#structuredOutput = message['structured_output'];
    this.#totals = addResult(this.#totals, message);
    this.#tools.clear();
    this.#denials.result(message, this.#start?.permissionMode);
    this.#sent.result(message);
  }

  #permissionRequest(message: JsonObject, nowMs: number): void {
    const request = objectField(message, 'request');
    const requestId = textField(message, 'request_id');
    if (requestId === undefined || request?.['subtype'] !== 'can_use_tool') return;
    this.#permissions.set(requestId, {
      requestId,
      toolName: textField(request, 'tool_name') ?? '',
      toolUseId: textField(request, 'tool_use_id'),
      input: objectField(request, 'input') ?? {},
      sinceMs: nowMs,
    });
  }
}
