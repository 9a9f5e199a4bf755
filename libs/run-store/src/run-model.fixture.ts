// What one run must look like, kept as an array of events: the model that the property test holds the store against.
import type { RunStatus, TerminalStatus } from '@runyard/domain';
import type { AppendAnswer, FinishAnswer, NewEvent, StoredEvent } from './answers.js';
import type { RecoverAction } from './leaving.js';

export interface ModelEvent {
  readonly id: string;
  readonly type: string;
  /** undefined: the store chose it. */
  readonly data: string | undefined;
}

interface ModelFlush {
  readonly number: number;
  readonly events: readonly NewEvent[];
}

export class RunModel {
  status: RunStatus = 'queued';
  attempt = 0;
  dispatch = 1;
  leaseOver = false;
  cancelRequested = false;
  /** The attempt that parked the run last. */
  parkedBy = -1;
  handedOverBy = -1;
  /** A waiting run goes on by itself. */
  timed = false;
  decision: RecoverAction | undefined;
  compacted = false;
  /** The stream has gone after compaction: partial text is forgotten. */
  streamGone = false;
  readonly events: ModelEvent[] = [];
  /** Worker of each attempt. */
  readonly workers: string[] = [''];
  /** Last flush number that each attempt sent, whether or not it was taken. */
  readonly sent: number[] = [0];
  #flush: { readonly attempt: number; readonly number: number; readonly first: number; readonly last: number } | undefined;

  constructor() {
    this.add('run.queued', '{"dispatch":1}');
  }

  get terminal(): boolean {
    return this.status === 'succeeded' || this.status === 'failed' || this.status === 'canceled';
  }

  get seq(): number {
    return this.events.length;
  }

  add(type: string, data?: string): void {
    this.events.push({ id: `${this.attempt}-${this.seq + 1}`, type, data });
  }

  /** Events after an id that a reader is told now. */
  visible(after: string, deltas: boolean): ModelEvent[] {
    return this.events.filter(({ id, type }) => isAfter(id, after) && (type !== 'claude.stream_event' || (deltas && !this.streamGone)));
  }

  claim(dispatch: number, worker: string): boolean {
    if (this.status !== 'queued' || dispatch !== this.dispatch) return false;
    this.attempt++;
    this.workers[this.attempt] = worker;
    this.sent[this.attempt] = 0;
    this.leaseOver = false;
    this.status = 'running';
    this.add('run.started', `{"attempt":${this.attempt},"worker_id":"${worker}"}`);
    return true;
  }

  renew(attempt: number): boolean {
    return this.status === 'running' && attempt === this.attempt && !this.leaseOver;
  }

  append(attempt: number, number: number, events: readonly NewEvent[]): AppendAnswer {
    if (this.status !== 'running' || attempt !== this.attempt) return { kind: 'lost' };
    const seen = this.#seen(attempt, number);
    if (seen !== undefined) return { kind: 'appended', firstSeq: seen.first, lastSeq: seen.last };
    const first = this.seq + 1;
    for (const { type, data } of events) this.add(type, data.toString());
    this.#flush = { attempt, number, first, last: this.seq };
    return { kind: 'appended', firstSeq: first, lastSeq: this.seq };
  }

  finish(attempt: number, outcome: { readonly status: TerminalStatus }, flush: ModelFlush | undefined): FinishAnswer {
    if (attempt !== this.attempt) return { kind: 'lost' };
    if (this.terminal) return { kind: 'already', status: this.status as TerminalStatus };
    if (this.status !== 'running') return { kind: 'lost' };
    this.#addFlush(attempt, flush);
    this.#end(outcome.status, JSON.stringify(outcome));
    return { kind: 'finished', next: null };
  }

  /** `taken`: the lease is over or the current attempt gives the run back. Answers the new dispatch. */
  leave(taken: boolean, reason: string): number | undefined {
    if (this.status !== 'running' || !taken) return undefined;
    if (this.cancelRequested) {
      this.#end('canceled');
      return undefined;
    }
    this.#requeue(reason);
    return this.dispatch;
  }

  park(attempt: number, timed: boolean, flush: ModelFlush | undefined): 'parked' | 'canceled' | 'already' | 'lost' {
    if (attempt !== this.attempt) return 'lost';
    if (this.terminal) return 'already';
    if (this.status !== 'running') return this.parkedBy === attempt ? 'parked' : 'lost';
    this.#addFlush(attempt, flush);
    if (this.cancelRequested) {
      this.#end('canceled');
      return 'canceled';
    }
    Object.assign(this, { status: 'waiting', parkedBy: attempt, timed, decision: undefined });
    this.add('run.waiting');
    return 'parked';
  }

  /** Answers the dispatch that needs a ticket. */
  handOver(attempt: number, flush: ModelFlush | undefined): number | undefined {
    if (attempt !== this.attempt) return undefined;
    if (this.status !== 'running') return this.status === 'queued' && this.handedOverBy === attempt ? this.dispatch : undefined;
    this.#addFlush(attempt, flush);
    if (this.cancelRequested) return this.leave(true, '');
    this.handedOverBy = attempt;
    this.add('run.handed_over');
    return this.leave(true, 'handed_over');
  }

  /** Somebody decides for a run that waits for recovery. */
  recover(action: RecoverAction): 'recovered' | 'not_waiting' {
    if (this.status === 'queued' && this.decision === action) return 'recovered';
    if (this.status === 'failed' && action === 'abandon' && this.decision === 'abandon') return 'recovered';
    if (this.status !== 'waiting' || this.timed) return 'not_waiting';
    this.decision = action;
    if (action === 'abandon') this.#end('failed');
    else this.#requeue(action);
    return 'recovered';
  }

  /** The time of a waiting run comes. Answers the new dispatch. */
  advance(): number | undefined {
    if (this.status !== 'waiting' || !this.timed) return undefined;
    this.#requeue('quota');
    return this.dispatch;
  }

  noteSpawn(attempt: number): 'noted' | 'lost' {
    if (!this.renew(attempt)) return 'lost';
    this.decision = undefined;
    return 'noted';
  }

  cancel(): 'canceled' | 'requested' | 'already_terminal' {
    if (this.terminal) return 'already_terminal';
    if (this.status === 'queued' || this.status === 'waiting') {
      this.#end('canceled');
      return 'canceled';
    }
    if (!this.cancelRequested) this.add('input.received');
    this.cancelRequested = true;
    return 'requested';
  }

  #seen(attempt: number, number: number) {
    return this.#flush?.attempt === attempt && this.#flush.number === number ? this.#flush : undefined;
  }

  #addFlush(attempt: number, flush: ModelFlush | undefined): void {
    if (flush !== undefined && this.#seen(attempt, flush.number) === undefined) for (const { type, data } of flush.events) this.add(type, data.toString());
  }

  #requeue(reason: string): void {
    this.status = 'queued';
    this.dispatch++;
    this.add('run.queued', `{"dispatch":${this.dispatch},"reason":"${reason}"}`);
  }

  #end(status: TerminalStatus, data?: string): void {
    this.status = status;
    this.add('run.finished', data);
  }
}

/** Order of event ids; '' is before all. */
export function isAfter(id: string, after: string): boolean {
  if (after === '') return true;
  const [[attempt = 0, seq = 0], [otherAttempt = 0, otherSeq = 0]] = [id.split('-').map(Number), after.split('-').map(Number)];
  return attempt === otherAttempt ? seq > otherSeq : attempt > otherAttempt;
}

/** What differs between stored and expected events, or ''. */
export function difference(stored: readonly StoredEvent[], expected: readonly ModelEvent[]): string {
  if (stored.length !== expected.length) {
    return `${stored.length} events instead of ${expected.length}: ${stored.map(({ id }) => id).join(' ')} instead of ${expected.map(({ id }) => id).join(' ')}`;
  }
  for (const [i, event] of stored.entries()) {
    const wanted = expected[i];
    const isSame = event.id === wanted?.id && event.type === wanted.type && (wanted.data === undefined || event.data.toString() === wanted.data);
    if (!isSame) return `event ${i} is ${event.id} ${event.type} ${event.data.toString().slice(0, 80)} instead of ${JSON.stringify(wanted)?.slice(0, 160)}`;
  }
  return '';
}
