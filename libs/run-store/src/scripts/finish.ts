// finish: the last events, the outcome and the end of a run in one step.
import type { Outcome, TerminalStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Attempt, FinishAnswer, Flush } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { listOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { FLUSH_RANGE, lastFlushArguments } from './append.js';
import { lua } from './common.js';

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, status, outcome = unpack(ARGV, 2, 5)
local run = load(id)
if not run or int(run.attempt) ~= attempt then return {'lost'} end
if is_terminal(run) then return {'already', run.status} end
if not is_live(run) then return {'lost'} end
return {'finished', '', end_run(run, now_ms(), status, outcome, last_events(run, 6))}
`),
  EVEN_WHEN_FULL,
);

export async function finish(redis: Redis, keys: Keys, attempt: Attempt, outcome: Outcome, flush: Flush | undefined): Promise<FinishAnswer> {
  const { runId } = attempt;
  const args = [keys.prefix, runId, attempt.attempt, outcome.status, JSON.stringify(outcome), ...lastFlushArguments(flush)];
  const [kind, status, next] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  switch (textOf(kind)) {
    case 'finished':
      return { kind: 'finished', next: dispatchOf(next) };
    case 'already':
      return { kind: 'already', status: textOf(status) as TerminalStatus };
    default:
      return { kind: 'lost' };
  }
}
