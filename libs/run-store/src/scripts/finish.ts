// finish: the last events, the outcome and the end of a run in one step.
import type { Outcome, TerminalStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { FinishAnswer, Lease } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { FLUSH_RANGE, lastFlushArguments } from './append.js';
import type { LastFlush } from './append.js';
import { lua } from './common.js';

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, worker, status, outcome, at = unpack(ARGV, 2, 7)
local run = load(id)
if not run or int(run.attempt) ~= attempt then return {'lost'} end
if is_terminal(run) then return {'already', run.status} end
if not is_held_by(run, attempt, worker) then return {'lost'} end
at = tonumber(at) or now_ms()
return {'finished', at, end_run(run, at, status, outcome, last_events(run, 8))}
`),
  EVEN_WHEN_FULL,
);

export interface LastWords extends LastFlush {
  /** When the run has ended before, and Redis does not know it any more; default: now. Milliseconds since 1970 by the clock of Redis. */
  readonly atMs?: number | undefined;
}

export interface Finished {
  readonly answer: FinishAnswer;
  /** When the run ended, if it ended by this. */
  readonly atMs?: number;
}

export async function finish(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, outcome: Outcome, { atMs, ...last }: LastWords): Promise<Finished> {
  const args = [keys.prefix, runId, attempt, workerId, outcome.status, JSON.stringify(outcome), atMs ?? '', ...lastFlushArguments(last)];
  const [kind, detail, next] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  switch (textOf(kind)) {
    case 'finished':
      return { answer: { kind: 'finished', next: dispatchOf(next) }, atMs: numberOf(detail) };
    case 'already':
      return { answer: { kind: 'already', status: textOf(detail) as TerminalStatus } };
    default:
      return { answer: { kind: 'lost' } };
  }
}
