// What becomes of runs, as metrics. Counted once each: by the process whose write ended the run.
import { Counter, Histogram } from 'prom-client';
import { BoundedLabel } from './bounded-label.js';
import type { Metrics } from './metrics.js';

const MODELS = 30;
const TOOLS = 100;
const SECONDS_OF_RUNS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400];
const SECONDS_OF_WAITS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400];

export interface EndedRun {
  /** succeeded, failed or canceled. */
  readonly status: string;
  /** The failure code; undefined unless it failed. */
  readonly reason: string | undefined;
  readonly trigger: string;
  /** From the claim to the end; undefined when no worker had it. */
  readonly durationMs: number | undefined;
}

export interface Spending {
  /** What the CLI calls the model. */
  readonly model: string;
  /** Kind of tokens → how many. */
  readonly tokens: Readonly<Record<string, number>>;
  readonly costUsd: number;
}

export type ToolOutcome = 'ok' | 'error' | 'denied';
/** What a worker tried to write under a lease that it no longer had. */
export type StaleWrite = 'append' | 'renew' | 'finish' | 'park' | 'hand_over' | 'give_back';

/** Labels never hold run ids, prompts or paths, and those that come from outside are bounded. */
export class RunMetrics {
  readonly #runs: Counter;
  readonly #duration: Histogram;
  readonly #wait: Histogram;
  readonly #tokens: Counter;
  readonly #cost: Counter;
  readonly #toolCalls: Counter;
  readonly #staleWrites: Counter;
  readonly #eventsRestored: Counter;
  readonly #staleTickets: Counter;
  readonly #passedOn: Counter;
  readonly #reconciled: Counter;
  readonly #models = new BoundedLabel(MODELS);
  readonly #tools = new BoundedLabel(TOOLS);

  constructor({ registry }: Metrics) {
    const registers = [registry];
    this.#runs = new Counter({ name: 'runyard_runs_total', help: 'Runs that ended.', labelNames: ['status', 'reason', 'trigger'], registers });
    this.#duration = new Histogram({ name: 'runyard_run_duration_seconds', help: 'From the claim of a run to its end.', labelNames: ['status'], buckets: SECONDS_OF_RUNS, registers });
    this.#wait = new Histogram({ name: 'runyard_run_queue_wait_seconds', help: 'From the creation of a run to its first claim.', buckets: SECONDS_OF_WAITS, registers });
    this.#tokens = new Counter({ name: 'runyard_tokens_total', help: 'Tokens as the CLI counts them.', labelNames: ['model', 'type'], registers });
    this.#cost = new Counter({ name: 'runyard_cost_usd_total', help: 'US dollars as the CLI counts them.', labelNames: ['model'], registers });
    this.#toolCalls = new Counter({ name: 'runyard_tool_calls_total', help: 'Results of tools that Claude used.', labelNames: ['tool', 'outcome'], registers });
    this.#staleWrites = new Counter({ name: 'runyard_stale_writes_refused_total', help: 'Writes under a lease that was over, refused by the store.', labelNames: ['operation'], registers });
    this.#eventsRestored = new Counter({ name: 'runyard_log_events_restored_total', help: 'Events of runs that Redis had confirmed and lost, and got back from the worker.', registers });
    this.#staleTickets = new Counter({ name: 'runyard_stale_tickets_total', help: 'Tickets that had no effect, because their dispatch was not the latest or the run not queued.', registers });
    this.#passedOn = new Counter({ name: 'runyard_tickets_passed_on_total', help: 'Tickets of runs that a newer version made, handed on to a worker that understands them.', registers });
    this.#reconciled = new Counter({ name: 'runyard_reconciled_total', help: 'What was put right without anybody asking: lost tickets and leases, runs whose time had come, leftovers.', labelNames: ['job'], registers });
  }

  ended({ status, reason, trigger, durationMs }: EndedRun): void {
    this.#runs.inc({ status, reason: reason ?? '', trigger });
    if (durationMs !== undefined) this.#duration.observe({ status }, durationMs / 1000);
  }

  claimed(waitMs: number): void {
    this.#wait.observe(Math.max(0, waitMs) / 1000);
  }

  spent({ model, tokens, costUsd }: Spending): void {
    const label = this.#models.of(model);
    for (const [type, count] of Object.entries(tokens)) this.#tokens.inc({ model: label, type }, count);
    this.#cost.inc({ model: label }, costUsd);
  }

  toolCall(tool: string, outcome: ToolOutcome): void {
    this.#toolCalls.inc({ tool: this.#tools.of(tool), outcome });
  }

  staleWrite(operation: StaleWrite): void {
    this.#staleWrites.inc({ operation });
  }

  eventsRestored(count: number): void {
    this.#eventsRestored.inc(count);
  }

  staleTicket(): void {
    this.#staleTickets.inc();
  }

  passedOn(): void {
    this.#passedOn.inc();
  }

  /** `job` is one of a fixed list. */
  reconciled(job: string, count: number): void {
    this.#reconciled.inc({ job }, count);
  }
}
