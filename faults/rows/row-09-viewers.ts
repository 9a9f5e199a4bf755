// Row 9: API processes killed one after the other under viewers. What everybody saw is the same, and all of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { say, sayThenBash, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const APIS = 2;

export const viewersUnderKills: Row = { number: 9, title: 'API killed under viewers', together: 4, ci: 4, perform };

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(APIS);
  try {
    await stand.addWorker();
    let over = false;
    const cases = atOnce(seeds, (seed) => watchOne(stand, seed)).finally(() => (over = true));
    const kills = await harass(stand, new SeededRandom(seeds[0] ?? 0, 'kills'), () => over);
    return (await cases).map((one) => ({ ...one, note: `${one.note}, ${kills} kills` }));
  } finally {
    await stand.close();
  }
}

async function watchOne(stand: Stand, seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'viewers');
  const words = random.between(80, 120);
  const prompt = script(sayThenBash(words, random.between(60, 120), stand.ledger.write('effect')), say(words, 50));
  const run = await WatchedRun.submit(stand, random, { prompt }, { hangUpAfter: random.between(20, 80) });
  const { end, violations } = await run.judge({ ends: ['succeeded'], lines: { effect: { from: 1, to: 1 } }, attempts: { from: 1, to: 1 } });
  return { seed, note: `${words} words: ${end}`, violations };
}

/** Kills one API process after the other while the other answers. */
async function harass(stand: Stand, random: SeededRandom, isOver: () => boolean): Promise<number> {
  let kills = 0;
  for (; !isOver(); kills += 1) {
    await sleep(random.between(300, 2000));
    const api = stand.apis[kills % APIS];
    if (api && !isOver()) await stand.replaceApi(api);
  }
  return kills;
}
