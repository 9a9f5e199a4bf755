// What is known of the attempts before this one: from the run's log, the attempt files and the transcripts.
import { outcomeOf, peekMessage, RunFactsReader, TurnTracker } from '@runyard/claude';
import type { ReleasedTool, RunFacts, Spending } from '@runyard/claude';
import type { Outcome } from '@runyard/domain';
import type { RunRecord, RunStore, StoredEvent } from '@runyard/run-store';
import type { AttemptNotes, Starting } from './attempt-file.js';
import type { PastWork } from './recovery-plan.js';
import { NO_SPENDING, sumOf } from './spending.js';
import { toolLine } from './tool-line.js';

const PAGE_EVENTS = 1000;
/** The first of these ends the attempt. */
const WITHOUT_A_WORKER: ReadonlySet<string> = new Set(['run.waiting', 'run.handed_over', 'run.queued']);

/** One attempt as the log tells it, and its notes where the log is torn. */
export interface PastAttempt {
  readonly attempt: number;
  /** When its last event was written, ISO. */
  readonly lastAt: string;
  /** From its claim to its last event. */
  readonly lastedMs: number;
  readonly facts: RunFacts;
  /** @param costAfterUsd what the session had cost when the attempt was over, as far as its transcript says */
  spent(costAfterUsd?: number): Spending;
  /** What was under way when the worker began to stop it; later results are those of the stop. */
  readonly stoppedDuring: readonly ReleasedTool[] | undefined;
  /** The last result, when nothing was to follow it. */
  readonly outcome: Outcome | undefined;
  /** Redis lost what the attempt of this number did, and gave the number away again. */
  readonly isForgotten: boolean;
}

/** All of them together. */
export interface Past {
  readonly attempts: readonly PastAttempt[];
  /** What they have spent; `next` is how the attempt after them begins, which may know better what the last one cost. */
  spent(next?: Pick<Starting, 'mode' | 'costBeforeUsd'>): Spending;
  /** How long workers had the run, in milliseconds. */
  readonly lastedMs: number;
}

export const NO_PAST: Past = { attempts: [], spent: () => NO_SPENDING, lastedMs: 0 };

/** Reads the log of a run that was claimed before. @throws LogUnreadableError, RedisUnavailableError */
export async function readPast(run: RunRecord, notes: readonly AttemptNotes[], store: Pick<RunStore, 'readEvents'>): Promise<Past> {
  const readers = new Map<number, AttemptReader>();
  for await (const event of eventsOf(run.id, store)) {
    const attempt = Number(event.id.slice(0, event.id.indexOf('-')));
    if (attempt === 0 || attempt >= run.attempt) continue;
    const reader = readers.get(attempt) ?? new AttemptReader(attempt, notes.find((one) => one.attempt === attempt));
    readers.set(attempt, reader);
    reader.take(event);
  }
  const schema = run.request.output_schema !== undefined;
  const attempts = [...readers.values()].map((reader) => reader.attempt(schema));
  const costAfter = (attempt: number, next: Pick<Starting, 'mode' | 'costBeforeUsd'> | undefined): number | undefined => {
    const noted = notes.find((one) => one.attempt === attempt)?.ended?.sessionCostUsd;
    const following = notes.find((one) => one.attempt > attempt && one.starting !== undefined)?.starting ?? next;
    return noted ?? (following?.mode === 'resume' ? following.costBeforeUsd : undefined);
  };
  return {
    attempts,
    spent: (next) => attempts.reduce((sum, { attempt, spent }) => sumOf(sum, spent(costAfter(attempt, next))), NO_SPENDING),
    lastedMs: attempts.reduce((sum, { lastedMs }) => sum + lastedMs, 0),
  };
}

/** What the attempts since the last start from the beginning did, for the plan. */
export function workOf({ spawned }: Pick<RunRecord, 'spawned'>, notes: readonly AttemptNotes[], { attempts }: Past): PastWork | 'unknown' | undefined {
  const started = notes.filter(({ starting }) => starting !== undefined);
  const last = started.at(-1);
  if (spawned > 0 && !started.some(({ attempt }) => attempt >= spawned)) return 'unknown';
  if (last === undefined) return undefined;
  const first = started.findLast(({ starting }) => starting?.mode !== 'resume')?.attempt ?? 0;
  const chain = attempts.filter(({ attempt }) => attempt >= first);
  const whole = new Set(attempts.filter(({ isForgotten, facts }) => !isForgotten && facts.unlogged.length === 0).map(({ attempt }) => attempt));
  const told = attempts.find(({ attempt }) => attempt === last.attempt);
  // Whatever an attempt may have done that the log does not know.
  const isAnybodysGuess = started.some(({ attempt }) => attempt >= first && !whole.has(attempt));
  return {
    answered: isAnybodysGuess || chain.some(({ facts }) => facts.answered),
    changed: isAnybodysGuess || chain.some(({ facts }) => facts.changed),
    changingInFlight: linesOf(told === undefined ? new RunFactsReader(last.tools).facts().changingInFlight : changingInFlight(told)),
    logIsWhole: whole.has(last.attempt),
  };
}

/** Tools that may change something and whose end nobody saw. */
export function changingInFlight({ facts, stoppedDuring }: PastAttempt): readonly ReleasedTool[] {
  return stoppedDuring ?? facts.changingInFlight;
}

/** For a person. Of tools whose input is lost there is not more to say than how many they were. */
function linesOf(tools: readonly ReleasedTool[]): string[] {
  const lost = Map.groupBy(tools.filter(({ isInputLost }) => isInputLost), ({ name }) => name);
  const counted = [...lost].map(([name, { length }]) => `${length === 1 ? '' : `${length} × `}${name} (what it was to do is lost)`);
  return [...tools.filter(({ isInputLost }) => !isInputLost).map(toolLine), ...counted];
}

async function* eventsOf(runId: string, store: Pick<RunStore, 'readEvents'>): AsyncGenerator<StoredEvent> {
  for (let after: string | undefined; ;) {
    const page = await store.readEvents(runId, { limit: PAGE_EVENTS, ...(after === undefined ? {} : { after }) });
    yield* page?.events ?? [];
    const last = page?.events.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

class AttemptReader {
  readonly #facts: RunFactsReader;
  readonly #tracker = new TurnTracker();
  #firstAt: string | undefined;
  #lastAt = '';
  #stoppedDuring: readonly ReleasedTool[] | undefined;
  /** What follows has the number of the attempt, too, but no worker had the run any more. */
  #isOver = false;
  #isForgotten = false;

  constructor(
    private readonly number: number,
    private readonly notes: AttemptNotes | undefined,
  ) {
    this.#facts = new RunFactsReader(notes?.tools);
  }

  take({ type, data, ts }: StoredEvent): void {
    if (this.#isOver) return;
    this.#isOver = WITHOUT_A_WORKER.has(type) && !isHeld(type, data);
    // When a lost worker is noticed, or a wait is over, says nothing about how long it worked.
    if (type === 'run.queued') return this.#leave(data, ts);
    this.#firstAt ??= ts;
    this.#lastAt = ts;
    if (type === 'run.interrupted') this.#stoppedDuring ??= this.#inFlightBut(heldTools(data));
    if (!type.startsWith('claude.')) return;
    this.#facts.feed(data);
    this.#tracker.feed(data, peekMessage(data), Date.parse(ts));
  }

  #leave(data: Buffer, ts: string): void {
    this.#isForgotten = (JSON.parse(data.toString()) as { readonly reason?: unknown }).reason === 'attempt_raised';
    // Of an attempt that the log does not know at all this is the only event.
    if (this.#firstAt === undefined) this.#firstAt = this.#lastAt = ts;
  }

  #inFlightBut(held: readonly unknown[]): readonly ReleasedTool[] {
    return this.#facts.facts().changingInFlight.filter(({ id }) => !held.includes(id));
  }

  attempt(requestedSchema: boolean): PastAttempt {
    const costBeforeUsd = this.notes?.starting?.costBeforeUsd ?? 0;
    const tracker = this.#tracker;
    const isFine = tracker.lastResult?.['is_error'] === false;
    // It may have come to its end while it was being stopped; an error then is the stop.
    const isAnswer = tracker.lastResult !== undefined && (isFine || this.#stoppedDuring === undefined);
    const outcome = isAnswer && !tracker.hasMoreToSay ? outcomeOf({ exit: { code: isFine ? 0 : 1, signal: null }, tracker, stderr: '', requestedSchema, costBeforeUsd }) : undefined;
    return {
      attempt: this.number,
      lastAt: this.#lastAt,
      lastedMs: Date.parse(this.#lastAt) - Date.parse(this.#firstAt ?? this.#lastAt),
      facts: this.#facts.facts(),
      spent: (after) => tracker.usage.spent({ before: costBeforeUsd, after }, tracker.turnOpen),
      stoppedDuring: this.#stoppedDuring,
      outcome,
      isForgotten: this.#isForgotten,
    };
  }
}

/** The tools that `run.interrupted` names as never let go. */
function heldTools(data: Buffer): readonly unknown[] {
  const { held } = JSON.parse(data.toString()) as { readonly held?: unknown };
  return Array.isArray(held) ? held : [];
}

/** The run waits and its process is kept. */
function isHeld(type: string, data: Buffer): boolean {
  return type === 'run.waiting' && (JSON.parse(data.toString()) as { readonly held?: unknown }).held === true;
}
