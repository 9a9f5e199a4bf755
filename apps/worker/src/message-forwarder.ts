// Turns what the CLI prints into events, line by line, and lets the tracker follow.
import { isInitializeAnswer, parseMessage, peekMessage } from '@runyard/claude';
import type { Peek, TurnTracker } from '@runyard/claude';
import { redactSecrets } from '@runyard/telemetry';
import type { EventWriter } from './event-writer.js';
import { monotonicMs } from './monotonic-clock.js';
import type { SecretRedactor } from './secret-redactor.js';

export interface MessageForwarderOptions {
  readonly events: EventWriter;
  readonly tracker: TurnTracker;
  /** Takes the worker's own credentials out of a text. */
  readonly redact: (text: string) => string;
  /** Takes the secrets of the run out of everything. */
  readonly secrets: SecretRedactor;
  /** The CLI said which model it uses. Called once. */
  readonly onModel: (model: string) => void;
  /** The model answered for the first time. */
  readonly onAnswer: () => void;
  /** After each line. */
  readonly onLine: () => void;
}

/** stderr of one run that reaches its log; more is noise that would only crowd out the rest. */
const STDERR_LIMIT = 1024 * 1024;

export class MessageForwarder {
  /** While the worker asks about MCP servers: the answers repeat their configuration, and are no messages of the run. */
  hideAnswers = false;
  readonly #options: MessageForwarderOptions;
  #heardAtMs = monotonicMs();
  #waiting = 0;
  #modelKnown = false;
  #hasAnswered = false;
  #stderrLeft = STDERR_LIMIT;

  constructor(options: MessageForwarderOptions) {
    this.#options = options;
  }

  /** Since when the CLI is silent; while we do not listen, it is not. */
  get silentSinceMs(): number {
    return this.#waiting > 0 ? monotonicMs() : this.#heardAtMs;
  }

  /** One line of stdout. Bytes go on unchanged unless they hold a secret of the run; a line that is no message becomes text. */
  onLine(line: Buffer, peek: Peek): void | Promise<void> {
    const clean = this.#options.secrets.line(line);
    return this.#onCleanLine(clean, clean === line ? peek : peekMessage(clean));
  }

  #onCleanLine(line: Buffer, peek: Peek): void | Promise<void> {
    const { events, tracker } = this.#options;
    this.#heardAtMs = monotonicMs();
    if (peek.kind === 'garbage') return this.onStderr(`${line.toString('utf8')}\n`);
    tracker.feed(line, peek, this.#heardAtMs);
    this.#noteModel();
    this.#noteAnswer(peek.type);
    this.#options.onLine();
    if (this.#isHidden(line, peek)) return undefined;
    return this.#hold(events.write(`claude.${peek.type}`, line));
  }

  /** Text of stderr, or of a line that is no message. */
  onStderr(text: string): void | Promise<void> {
    if (this.#stderrLeft <= 0) return undefined;
    const shown = this.#options.secrets.text(text).slice(0, this.#stderrLeft);
    this.#stderrLeft -= shown.length;
    const end = this.#stderrLeft <= 0 ? '\n[more is left out]' : '';
    const redacted = redactSecrets(this.#options.redact(shown));
    return this.#hold(this.#options.events.write('log.stderr', JSON.stringify({ text: redacted + end })));
  }

  /** Partial text comes in pieces, and a secret in pieces would not be found. */
  #isHidden(line: Buffer, peek: Peek & { kind: 'message' }): boolean {
    if (peek.type === 'stream_event') return this.#options.secrets.active;
    return peek.type === 'control_response' && (this.hideAnswers || isInitializeAnswer(parseMessage(line, peek) ?? {}));
  }

  #noteModel(): void {
    const model = this.#options.tracker.session?.model;
    if (this.#modelKnown || model === undefined) return;
    this.#modelKnown = true;
    this.#options.onModel(model);
  }

  #noteAnswer(type: string): void {
    if (this.#hasAnswered || type !== 'assistant' || this.#options.tracker.errorClass !== undefined) return;
    this.#hasAnswered = true;
    this.#options.onAnswer();
  }

  async #heldUntil(room: Promise<void>): Promise<void> {
    this.#waiting += 1;
    await room;
    this.#waiting -= 1;
    this.#heardAtMs = monotonicMs();
  }

  #hold(room: Promise<void> | undefined): void | Promise<void> {
    return room === undefined ? undefined : this.#heldUntil(room);
  }
}
