// What one process has used up: what its results say, and what was used since the last of them.
import type { Outcome } from '@runyard/domain';
import { estimateCostOfModelsUsd } from './cost-estimate.js';
import type { JsonObject } from './message-peek.js';
import { UnpricedUsage } from './unpriced-usage.js';
import { addResult, addUsage, costOfProcess, NO_TOTALS } from './usage.js';
import type { ProcessTotals } from './usage.js';

/** Like the fields of an outcome; null = nothing is known. */
export type Spending = Pick<Outcome, 'usage' | 'cost_usd' | 'cost_estimated' | 'num_turns'>;

/** What the session of a process had cost, in US dollars. */
export interface SessionCosts {
  /** When the process began. */
  readonly before: number;
  /**
   * When it had ended, as far as its transcript says. The CLI notes it at each result, and for a turn that was cut off only when it had
   * the time: more than the results say is that turn, and then nothing is estimated.
   */
  readonly after?: number | undefined;
}

/** Feed it the messages of the process that its methods name, in order. */
export class ProcessUsage {
  readonly #unpriced = new UnpricedUsage();
  #totals: ProcessTotals = NO_TOTALS;

  /** Of its results alone. */
  get totals(): ProcessTotals {
    return this.#totals;
  }

  assistant(message: JsonObject): void {
    this.#unpriced.assistant(message);
  }

  stream(message: JsonObject): void {
    this.#unpriced.stream(message);
  }

  result(message: JsonObject): void {
    this.#unpriced.result();
    this.#totals = addResult(this.#totals, message);
  }

  /**
   * Results say what they cost; what no result counts is estimated from the tokens of the answers.
   * @param isCutOff a turn was under way at the end: it may have cost something although it has not answered
   */
  spent({ before, after }: SessionCosts, isCutOff: boolean): Spending {
    const { usage, numTurns: num_turns } = this.#totals;
    const told = costOfProcess(this.#totals, before);
    const rest = this.#unpriced.all;
    const sum = { usage: rest === null ? usage : addUsage(usage, rest), num_turns };
    const noted = after === undefined ? 0 : Number((after - before).toFixed(8));
    if (noted > (told ?? 0)) return { ...sum, cost_usd: noted, cost_estimated: false };
    if (rest === null) return { ...sum, cost_usd: told, cost_estimated: isCutOff && told !== null };
    const estimate = estimateCostOfModelsUsd(this.#unpriced.byModel);
    return { ...sum, cost_usd: estimate === undefined ? told : Number(((told ?? 0) + estimate).toFixed(8)), cost_estimated: true };
  }
}
