// Row 4: Redis comes back without its last seconds. A run that was finished in them does not run again, one that was accepted before
// them is not lost (odd seeds), and what is under way goes on with a whole log (even seeds).
import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';
import { takeBackUnderLiveRuns } from './rollback-under-live-runs.ts';

const LOST_AT_LEAST_MS = 1000;
const over = (run: { readonly ended_at: string | null }): boolean => run.ended_at !== null;

export const rollback: Row = { number: 4, title: 'append-only file taken back by 1 s or more', together: 1, ci: 4, perform: (seeds) => atOnce(seeds, (seed) => (seed % 2 === 1 ? takeBack(seed) : takeBackUnderLiveRuns(seed))) };

async function takeBack(seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'rollback');
  const stand = await Stand.open(1);
  // What viewers saw of the lost time is gone: streams are not compared here.
  const submit = (prompt: string): Promise<WatchedRun> => WatchedRun.submit(stand, random, { prompt, recovery: 'restart' }, { viewers: 0 });
  const effect = script(bash(stand.ledger.write('effect')), say(3));
  try {
    await Promise.all([stand.addWorker({ RUNYARD_CAPACITY: '4' }), stand.addWorker({ RUNYARD_CAPACITY: '4' })]);
    const finished = await submit(effect);
    await finished.until('over', over);
    // Running in the copy, over in the lost time.
    const running = await submit(script(bash(stand.ledger.write('effect')), say(30, random.between(60, 120))));
    await running.effects(1);
    // Waiting in the copy, over in the lost time.
    await stand.insist('POST', '/v1/queue/pause');
    const waiting = await Promise.all([submit(effect), submit(effect)]);
    await stand.redis.remember();
    const rememberedAtMs = performance.now();
    await stand.insist('POST', '/v1/queue/resume');
    const unknown = await submit(effect);
    for (const run of [running, ...waiting, unknown]) await run.until('over', over);
    await sleep(Math.max(0, LOST_AT_LEAST_MS + random.between(0, 1000) - (performance.now() - rememberedAtMs)));
    await stand.redis.kill();
    const lostMs = performance.now() - rememberedAtMs;
    await stand.redis.rollBack();
    await stand.redis.restart();
    // The copy was made while the queue was paused.
    await stand.insist('POST', '/v1/queue/resume');
    const once = { ends: ['succeeded'], lines: { effect: { from: 1, to: 1 } }, priceKept: true };
    const judged = await Promise.all([...[finished, running, ...waiting].map((run) => run.judge(once)), unknown.judge({ ...once, mayBeLost: true })]);
    const ends = judged.map(({ end, evidence }) => `${end}/${evidence.run?.attempt ?? '-'}`);
    return { seed, note: `${Math.round(lostMs)} ms lost: ${ends.join(', ')}`, violations: judged.flatMap((one) => one.violations), facts: { lost_ms: Math.round(lostMs) } };
  } finally {
    await stand.close();
  }
}
