// Before each tool the CLI asks, and starts it only after our answer: so log and attempt file know of a tool before it can change anything.
import { gateAnswer, isReadOnlyTool } from '@runyard/claude';
import type { HookCallback, OpenTool } from '@runyard/claude';

export interface ToolGateOptions {
  readonly send: (message: object) => unknown;
  /** Resolves when everything that was written so far is in the log: true, or false when it never will be. */
  readonly flushed: () => Promise<boolean>;
  /** Writes down that the tool is let go; false when it must not. Called only for tools that may change something, after `flushed`. */
  readonly noted: (call: HookCallback) => Promise<boolean>;
  readonly onReleased: (requestId: string) => void;
}

/** One process's gate. A tool that is not let go never starts: not at the end of the input, not when the worker dies (measured, 2.1.330). */
export class ToolGate {
  readonly #options: ToolGateOptions;
  readonly #released = new Set<string>();
  readonly #waiting = new Set<string>();
  #held = false;

  constructor(options: ToolGateOptions) {
    this.#options = options;
  }

  /** From now on no tool starts. */
  hold(): void {
    this.#held = true;
  }

  /** The CLI wants to use a tool; its request has been written to the log. */
  async take(call: HookCallback): Promise<void> {
    const { requestId, toolName, toolUseId } = call;
    this.#waiting.add(toolUseId);
    if (this.#held) return;
    if (!isReadOnlyTool(toolName)) {
      if (!(await this.#options.flushed()) || this.#isHeld()) return;
      if (!(await this.#options.noted(call)) || this.#isHeld()) return;
      this.#released.add(toolUseId);
    }
    this.#waiting.delete(toolUseId);
    this.#options.send(gateAnswer(requestId));
    this.#options.onReleased(requestId);
  }

  /** Ids of the tools that asked and were not let go. */
  get waiting(): readonly string[] {
    return [...this.#waiting];
  }

  /** True while a tool that may change something is at work. @param open tools without a result */
  isChanging(open: readonly Pick<OpenTool, 'id'>[]): boolean {
    return open.some(({ id }) => this.#released.has(id));
  }

  /** A call, so that it is read again after waiting. */
  #isHeld(): boolean {
    return this.#held;
  }
}
