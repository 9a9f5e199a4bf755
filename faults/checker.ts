// Compares what a case left behind with the six invariants. Pure: evidence in, violations out.
import { costViolations } from './check-cost.ts';
import { streamViolations } from './check-streams.ts';
import type { Evidence, Expectation, LedgerLine } from './evidence.ts';

export const INVARIANTS = {
  I1: 'every accepted run reaches exactly one terminal state, one that its case allows',
  I2: 'no two attempts have overlapping model calls or side effects',
  I3: 'each stream is without gap, strictly increasing, with one terminal event, and the same for every viewer',
  I4: 'no side effect is repeated unless the policy says so',
  I5: 'no process, temporary file or port of a run is left 5 s after its end',
  I6: 'the recorded cost is the cost that was counted',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}

const TERMINAL = new Set(['succeeded', 'failed', 'canceled']);

/** All violations, none when everything is as promised. */
export function check(evidence: Evidence, expected: Expectation): Violation[] {
  if (evidence.run === undefined) return expected.mayBeLost === true ? [] : [{ invariant: 'I1', what: 'the accepted run is unknown' }];
  return [
    ...endViolations(evidence, expected),
    ...overlapViolations(evidence),
    ...streamViolations(evidence),
    ...effectViolations(evidence.ledger, expected),
    ...evidence.leftovers.map((what): Violation => ({ invariant: 'I5', what: `left over: ${what}` })),
    ...costViolations(evidence, expected),
  ];
}

/** `failed:<code>`, or the status alone. */
export function endOf({ status, failure }: { readonly status: string; readonly failure: { readonly code: string } | null }): string {
  return status === 'failed' ? `failed:${failure?.code ?? 'without a code'}` : status;
}

function endViolations({ run, log }: Evidence, expected: Expectation): Violation[] {
  if (run === undefined) return [];
  const found: Violation[] = [];
  const end = endOf(run);
  if (!TERMINAL.has(run.status)) found.push({ invariant: 'I1', what: `not over: ${run.status}${run.waiting_for === null ? '' : `/${run.waiting_for}`}` });
  else if (!expected.ends.includes(end)) found.push({ invariant: 'I1', what: `ended as ${end} (${run.failure?.message ?? ''}), allowed: ${expected.ends.join(', ')}` });
  const { attempts } = expected;
  if (attempts && (run.attempt < attempts.from || run.attempt > attempts.to)) {
    found.push({ invariant: 'I1', what: `${run.attempt} attempts, allowed: ${attempts.from} to ${attempts.to}` });
  }
  const endings = log.filter((event) => event.type === 'run.finished').length;
  if (TERMINAL.has(run.status) && endings !== 1) found.push({ invariant: 'I1', what: `${endings} terminal events in the log` });
  return found;
}

/** Nothing of an attempt may happen after the first sign of a later one. */
function overlapViolations({ ledger, calls }: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const line of ledger) {
    const later = ledger.find((other) => other.attempt > line.attempt && other.atMs <= line.atMs);
    if (later) found.push({ invariant: 'I2', what: `attempt ${line.attempt} wrote ${line.tool} at ${line.atMs}, after attempt ${later.attempt} at ${later.atMs}` });
  }
  // Workers whose calls alternate were both working on it.
  const gone = new Set<string>();
  let last: string | undefined;
  for (const call of calls) {
    if (call.workerId === last) continue;
    if (gone.has(call.workerId)) found.push({ invariant: 'I2', what: `worker ${call.workerId} called the model again at ${call.atMs}, after another one had` });
    if (last !== undefined) gone.add(last);
    last = call.workerId;
  }
  return found.slice(0, 5);
}

function effectViolations(ledger: readonly LedgerLine[], { lines = {} }: Expectation): Violation[] {
  const found: Violation[] = [];
  const tools = new Set([...ledger.map((line) => line.tool), ...Object.keys(lines)]);
  for (const tool of tools) {
    const written = ledger.filter((line) => line.tool === tool);
    const { from, to } = lines[tool] ?? { from: 0, to: 1 };
    if (written.length < from || written.length > to) {
      found.push({ invariant: 'I4', what: `${tool} wrote ${written.length} lines (attempts ${written.map((line) => line.attempt).join()}), allowed: ${from} to ${to}` });
    }
    for (const attempt of new Set(written.map((line) => line.attempt))) {
      const times = written.filter((line) => line.attempt === attempt).length;
      if (times > 1) found.push({ invariant: 'I4', what: `${tool} wrote ${times} lines in attempt ${attempt} alone` });
    }
  }
  return found;
}
