// Row 7: three workers are restarted one after the other under live runs that take longer than the grace. All are handed over, none starts again.
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { say, sayThenBash, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import type { Judgement } from '../watched-run.ts';
import { WatchedRun } from '../watched-run.ts';

const WORKERS = 3;
const RUNS = 5;

export const rollingRestart: Row = { number: 7, title: 'rolling restart with live runs', together: 1, ci: 1, perform: (seeds) => atOnce(seeds, restartAll) };

async function restartAll(seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'rolling');
  const stand = await Stand.open(2);
  try {
    const grace = String(random.between(1, 3));
    const add = () => stand.addWorker({ RUNYARD_CAPACITY: '2', RUNYARD_DRAIN_TIMEOUT_SECONDS: grace });
    await Promise.all(Array.from({ length: WORKERS }, add));
    const runs = await Promise.all(Array.from({ length: RUNS }, () => WatchedRun.submit(stand, random, { prompt: promptOf(stand, random) })));
    await Promise.all(runs.map((run) => run.effects(1)));
    for (const worker of stand.workers) {
      worker.signal('SIGTERM');
      await worker.exited();
      await worker.startAgain();
    }
    const once = { from: 0, to: 1 };
    const judged = await Promise.all(runs.map((run) => run.judge({ ends: ['succeeded'], lines: { one: { from: 1, to: 1 }, two: once, three: once } })));
    const handed = judged.reduce((sum, one) => sum + count(one, 'run.handed_over'), 0);
    const none = handed === 0 ? [{ invariant: 'I1' as const, what: 'no run was handed over' }] : [];
    const ends = judged.map(({ end, evidence }) => `${end}/${evidence.run?.attempt}`);
    return { seed, note: `grace ${grace} s, ${handed} hand-overs: ${ends.join(', ')}`, violations: [...judged.flatMap((one) => one.violations), ...none], facts: { handed_over: handed } };
  } finally {
    await stand.close();
  }
}

/** A first effect, then half a minute of talk with effects in between. */
function promptOf(stand: Stand, random: SeededRandom): string {
  const delay = random.between(60, 120);
  const tool = (name: string): string => stand.ledger.write(name);
  return script(sayThenBash(1, 0, tool('one')), sayThenBash(100, delay, tool('two')), sayThenBash(100, delay, tool('three')), say(20, delay));
}

function count({ evidence }: Judgement, type: string): number {
  return evidence.log.filter((event) => event.type === type).length;
}
