// Follows the messages of one process and knows when its input may be closed. Pure: no clock, no process.
import { BackgroundTasks } from './background-tasks.js';
import { Denials } from './denials.js';
import type { Denial } from './denials.js';
import { textField } from './json-fields.js';
import { isLeftoverResult } from './leftover-result.js';
import { parseMessage } from './message-peek.js';
import type { JsonObject, Peek } from './message-peek.js';
import { OpenGates } from './open-gates.js';
import { OpenPermissions } from './open-permissions.js';
import type { OpenPermission } from './open-permissions.js';
import { OpenTools } from './open-tools.js';
import type { OpenTool, ToolResult } from './open-tools.js';
import { ProcessUsage } from './process-usage.js';
import { SentMessages } from './sent-messages.js';
import { sessionStartOf } from './session-start.js';
import type { SessionStart } from './session-start.js';
import type { HookCallback } from './tool-gate.js';
import { afterRateLimit, afterRetry, NO_SIGNS } from './upstream-signs.js';
import type { UpstreamSigns } from './upstream-signs.js';
import { isAnswerBoundary } from './unpriced-usage.js';

export interface TurnTrackerOptions {
  /** A tool has answered, also one of a subagent. */
  readonly onToolResult?: (toolName: string, outcome: ToolResult['outcome']) => void;
}

/**
 * Everything the end of a run and the watchdogs hang on. One `result` is not the end: queued messages
 * and finished background tasks start turns of their own, each with an init and a result.
 */
export class TurnTracker {
  /** What the process has used up so far. */
  readonly usage = new ProcessUsage();
  readonly #onToolResult: NonNullable<TurnTrackerOptions['onToolResult']>;
  readonly #tools = new OpenTools();
  readonly #denials = new Denials();
  readonly #tasks = new BackgroundTasks();
  readonly #sent = new SentMessages();
  readonly #permissions = new OpenPermissions();
  readonly #gates = new OpenGates();
  #start: SessionStart | undefined;
  #sawMessage = false;
  #lastResult: JsonObject | undefined;
  #structuredOutput: unknown;
  #errorClass: string | undefined;
  #signs = NO_SIGNS;
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

  /** The CLI's class of the last API failure, such as `billing_error`; undefined once Claude answered after it. */
  get errorClass(): string | undefined {
    return this.#errorClass;
  }

  get openTools(): readonly OpenTool[] {
    return this.#tools.all;
  }

  get openPermissions(): readonly OpenPermission[] {
    return this.#permissions.all;
  }

  /** Tools that wait for our answer at the gate: none of them runs. */
  get pendingGates(): readonly HookCallback[] {
    return this.#gates.all;
  }

  /** Of trouble with the provider, as far as a message other than the result tells it. */
  get upstreamSigns(): UpstreamSigns {
    return this.#signs;
  }

  get denials(): readonly Denial[] {
    return this.#denials.all;
  }

  get backgroundTaskCount(): number {
    return this.#tasks.count;
  }

  /** A turn is under way or owed, or something runs in the background that will report. */
  get hasMoreToSay(): boolean {
    return this.#turnOpen || this.#tasks.count > 0 || this.#tasks.turnOwed;
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
    this.#permissions.answered(requestId);
  }

  /** A tool has been let through. */
  gateAnswered(requestId: string): void {
    this.#gates.ended(requestId);
  }

  /** Takes the next line. `nowMs` is any clock that does not go backwards. */
  feed(line: Buffer, peek: Peek, nowMs: number): void {
    if (peek.kind === 'garbage') return;
    this.#sawMessage = true;
    // Partial text is most of the output and tells nothing that is needed here.
    if (peek.type === 'stream_event' && !isAnswerBoundary(line)) return;
    const message = parseMessage(line, peek);
    if (message !== undefined) this.#take(peek.type, message, nowMs);
  }

  /** True when nothing is under way and nothing is owed, so that stdin may be closed. Ask after each line, and once a second. */
  readyToClose(nowMs: number): boolean {
    const answered = this.#lastResult !== undefined || this.#sent.allCompleted;
    const idle = this.#sessionState === undefined ? !this.#turnOpen : this.#sessionState === 'idle';
    const owed = this.#sent.pendingCount > 0 || this.#permissions.all.length > 0 || this.#gates.all.length > 0 || this.#tasks.count > 0 || this.#tasks.owesTurn(nowMs);
    return answered && idle && !owed;
  }

  #take(type: string, message: JsonObject, nowMs: number): void {
    switch (type) {
      case 'system':
        return this.#system(message, nowMs);
      case 'stream_event':
        return this.usage.stream(message);
      case 'assistant':
        return this.#assistant(message, nowMs);
      case 'user':
        return this.#toolResults(message);
      case 'result':
        return this.#result(message);
      case 'command_lifecycle':
        return this.#sent.lifecycle(message);
      case 'control_request':
        return this.#request(message, nowMs);
      case 'control_cancel_request':
        this.permissionAnswered(textField(message, 'request_id') ?? '');
        return this.gateAnswered(textField(message, 'request_id') ?? '');
      case 'rate_limit_event':
        this.#signs = afterRateLimit(this.#signs, message);
        return;
      default:
        return;
    }
  }

  #toolResults(message: JsonObject): void {
    for (const { tool, meta, text, outcome } of this.#tools.user(message)) {
      this.#gates.toolEnded(tool.id);
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
        this.#tasks.replace(message);
        if (this.#tasks.count === 0) this.#gates.subagentsEnded();
        return;
      case 'task_started':
        return this.#tasks.started(message);
      case 'task_notification':
        return this.#tasks.ended(message, this.#sessionState === undefined ? !this.#turnOpen : this.#sessionState === 'idle', nowMs);
      case 'permission_denied':
        return this.#denials.reason(message);
      case 'api_retry':
        this.#signs = afterRetry(this.#signs, message);
        return;
      default:
        return;
    }
  }

  #assistant(message: JsonObject, nowMs: number): void {
    this.usage.assistant(message);
    this.#tools.assistant(message, nowMs);
    // Lines of subagents say which tool they belong to.
    if (typeof message['parent_tool_use_id'] === 'string') return;
    this.#turnOpen = true;
    this.#errorClass = textField(message, 'error');
    if (this.#errorClass === undefined) this.#signs = NO_SIGNS;
  }

  #init(message: JsonObject): void {
    this.#turnOpen = true;
    this.#tasks.turnBegan();
    this.#start ??= sessionStartOf(message);
  }

  #result(message: JsonObject): void {
    this.#turnOpen = false;
    if (!isLeftoverResult(message, this.#lastResult)) {
      this.#lastResult = message;
      this.#tasks.answered();
    }
    if (message['structured_output'] !== undefined) this.#structuredOutput = message['structured_output'];
    this.usage.result(message);
    this.#tools.clear();
    this.#gates.turnEnded();
    this.#denials.result(message, this.#start?.permissionMode);
    this.#sent.result(message);
  }

  #request(message: JsonObject, nowMs: number): void {
    if (!this.#gates.request(message)) this.#permissions.request(message, nowMs);
  }
}
