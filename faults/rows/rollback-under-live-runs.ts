// Row 4, even seeds: Redis loses its last seconds under live runs. Their workers put back what was lost; where the worker is killed, too,
// a tool that began in the lost time is not repeated without anybody being asked.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@runyard/testing';
import type { CaseResult } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const LOST_AT_LEAST_MS = 1000;
/** The leases of the copy last longer than this. A machine that takes more to bring Redis back has shown something else: runs whose lease was over. */
const LEASES_LAST_MS = 9000;
const TRIES = 4;
/** Between the tool that the copy knows and the one that it does not know. */
const UNTIL_THE_TOOL_MS = 2000;

export async function takeBackUnderLiveRuns(seed: number): Promise<CaseResult> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const result = await takeBackOnce(seed);
    if (result !== 'too slow') return result;
  }
  throw new Error(`Redis did not come back within ${LEASES_LAST_MS} ms of the copy, ${TRIES} times`);
}

async function takeBackOnce(seed: number): Promise<CaseResult | 'too slow'> {
  const random = new SeededRandom(seed, 'rollback');
  const stand = await Stand.open(1);
  const decision = random.pick(['resume', 'abandon'] as const);
  const submit = (prompt: string, viewers = 2): Promise<WatchedRun> => WatchedRun.submit(stand, random, { prompt, recovery: 'auto' }, { viewers });
  const gate = join(stand.dir, 'gate');
  const redisIsBack = join(stand.dir, 'redis-is-back');
  const begin = bash(`${stand.ledger.write('before')}; while [ ! -e ${gate} ]; do sleep 0.05; done`);
  const inLostTime = bash(`${stand.ledger.write('effect')}; while [ ! -e ${redisIsBack} ]; do sleep 0.05; done`, UNTIL_THE_TOOL_MS);
  try {
    // The first worker has one run, and dies with it. What viewers have seen of it in the lost time never comes again.
    const dying = await stand.addWorker({ RUNYARD_CAPACITY: '1' });
    const lost = await submit(script(begin, inLostTime, say(3)), 0);
    await lost.until('claimed', (run) => run.worker_id !== null);
    await stand.addWorker({ RUNYARD_CAPACITY: '4' });
    const quiet = await submit(script(begin, inLostTime, say(3)));
    const talking = await submit(script(begin, say(random.between(80, 120), 100), say(3)));
    const ending = await submit(script(begin, say(12, 100)));
    for (const run of [lost, quiet, talking, ending]) await run.effects(1);
    await writeFile(gate, '');
    // The copy knows the end of the first tool, and nothing of the second one.
    for (const run of [lost, quiet, talking, ending]) await waitFor(async () => (await stand.ask('GET', `/v1/runs/${run.id}/events?limit=1000`, undefined, { accept: 'application/json' })).text.includes('claude.user'), { what: 'the end of the first tool' });
    await stand.redis.remember();
    const rememberedAtMs = performance.now();
    for (const run of [lost, quiet]) await run.effects(2);
    await ending.until('over', (run) => run.ended_at !== null);
    await sleep(Math.max(0, LOST_AT_LEAST_MS + random.between(0, 1000) - (performance.now() - rememberedAtMs)));
    await Promise.all([stand.redis.kill(), dying.kill()]);
    const lostMs = Math.round(performance.now() - rememberedAtMs);
    await stand.redis.rollBack();
    await stand.redis.restart();
    const backMs = performance.now() - rememberedAtMs;
    await writeFile(redisIsBack, '');
    if (backMs <= LEASES_LAST_MS) return await judge(stand, { seed, decision, lostMs }, { lost, quiet, talking, ending });
    await Promise.all([lost, quiet, talking, ending].map((run) => run.forget()));
    return 'too slow';
  } finally {
    await stand.close();
  }
}

interface Loss {
  readonly seed: number;
  readonly decision: 'resume' | 'abandon';
  readonly lostMs: number;
}

async function judge(stand: Stand, { seed, decision, lostMs }: Loss, { lost, quiet, talking, ending }: Readonly<Record<'lost' | 'quiet' | 'talking' | 'ending', WatchedRun>>): Promise<CaseResult> {
  const once = { from: 1, to: 1 };
  const both = { before: once, effect: once };
  const live = { ends: ['succeeded'], attempts: once, priceKept: true };
  const judged = await Promise.all([
    quiet.judge({ ...live, lines: both }),
    talking.judge({ ...live, lines: { before: once } }),
    ending.judge({ ...live, lines: { before: once } }),
    lost.judge({ ends: decision === 'resume' ? ['succeeded'] : ['failed:worker_lost'], lines: both }, { decide: decision }),
  ]);
  const restored = stand.workers.flatMap((worker) => worker.log).reduce((sum, { msg, events }) => sum + (String(msg).includes('they are back') ? Number(events) : 0), 0);
  const missed = [...(restored === 0 ? ['no worker put anything back'] : []), ...(lost.waited === 0 ? ['nobody was asked although a tool was in flight'] : [])];
  const note = judged.map(({ end, evidence }) => `${end}/${evidence.run?.attempt ?? '-'}`).join(', ');
  const violations = [...judged.flatMap((one) => one.violations), ...missed.map((what) => ({ invariant: 'I1' as const, what }))];
  return { seed, note: `${lostMs} ms and a worker lost under live runs, ${restored} events put back: ${note}, then ${decision}`, violations, facts: { lost_ms: lostMs, restored } };
}
