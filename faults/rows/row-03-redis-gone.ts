// Row 3: Redis is killed under live runs and stays away for 5 to 20 s. What was accepted comes to an end, and nothing happens twice at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const LONG_TICKS = 220;

export const redisGone: Row = { number: 3, title: 'Redis killed and gone for 5-20 s', together: 1, ci: 2, perform: (seeds) => atOnce(seeds, goAway) };

async function goAway(seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'redis');
  const stand = await Stand.open(2);
  try {
    await Promise.all([stand.addWorker({ RUNYARD_CAPACITY: '2' }, { ownModel: true }), stand.addWorker({ RUNYARD_CAPACITY: '2' }, { ownModel: true })]);
    const runs = await submitSome(stand, random);
    await runs[0]?.effects(random.between(1, 20));
    // Odd seeds: shorter than the deadline of a process, even ones: longer than a lease.
    const goneMs = seed % 2 === 1 ? random.between(5000, 8000) : random.between(16_000, 20_000);
    await stand.redis.kill();
    await sleep(goneMs);
    await stand.redis.restart();
    const later = await WatchedRun.submit(stand, random, { prompt: script(say(3)) });
    const times = { from: 0, to: 2 };
    const ticks = Object.fromEntries(Array.from({ length: LONG_TICKS }, (_, index) => [`tick#${index + 1}`, times]));
    const expected = { ends: ['succeeded'], lines: { ...ticks, effect: times } };
    const judged = await Promise.all([...runs, later].map((run) => run.judge(expected)));
    return { seed, note: `gone for ${goneMs} ms: ${judged.map(({ end, evidence }) => `${end}/${evidence.run?.attempt}`).join(', ')}`, violations: judged.flatMap((one) => one.violations) };
  } finally {
    await stand.close();
  }
}

/** One whose tool goes on all the time, one that talks, and more than there is room for. */
async function submitSome(stand: Stand, random: SeededRandom): Promise<WatchedRun[]> {
  const prompts = [
    script(bash(stand.ledger.ticks('tick', LONG_TICKS, 10)), say(3)),
    script(say(200, 60)),
    script(bash(stand.ledger.write('effect')), say(40, 100)),
    script(say(40, 50)),
    script(bash(stand.ledger.write('effect')), say(5)),
  ];
  const runs: WatchedRun[] = [];
  for (const prompt of prompts) runs.push(await WatchedRun.submit(stand, random, { prompt, recovery: 'restart' }));
  return runs;
}
