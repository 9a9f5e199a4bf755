// Row 8: cancels that race with the claim, with the end, with a hand-over and with recovery. One end, whoever wins.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Evidence } from '../evidence.ts';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import type { StandWorker } from '../stand-worker.ts';
import { WatchedRun } from '../watched-run.ts';

const RACES = ['claim', 'end', 'tool', 'hand-over', 'recovery'] as const;
type Race = (typeof RACES)[number];
/** The promise is 8 s; a machine on which everything happens at once may take three times as long. The time itself is in the results. */
const CANCEL_TAKES_MS = 24_000;
const WORKERS = 4;

export const cancelRaces: Row = { number: 8, title: 'cancel races', together: 10, ci: 10, perform };

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(2);
  try {
    // Some of them are stopped or killed, and take few others with them.
    await Promise.all(Array.from({ length: WORKERS }, () => steady(stand)));
    return await atOnce(seeds, (seed) => race(stand, seed));
  } finally {
    await stand.close();
  }
}

function steady(stand: Stand): Promise<StandWorker> {
  return stand.addWorker({ RUNYARD_CAPACITY: '3', RUNYARD_DRAIN_TIMEOUT_SECONDS: '0' }, { restarts: true });
}

async function race(stand: Stand, seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'cancel');
  const kind = RACES[seed % RACES.length] ?? 'end';
  const run = await WatchedRun.submit(stand, random, { prompt: promptOf(kind, stand) });
  const waitMs = await provoke(stand, run, kind, random);
  await sleep(waitMs);
  const askedAtMs = Date.now();
  const answers = [await run.cancel(), await run.cancel()];
  const { end, evidence, violations } = await run.judge({ ends: ['succeeded', 'canceled', 'failed:worker_lost'], lines: { effect: { from: 0, to: 1 } } });
  const tookMs = evidence.run?.ended_at ? Date.parse(evidence.run.ended_at) - askedAtMs : 0;
  const late = tookMs > CANCEL_TAKES_MS && !wasKilled(stand, evidence) ? [{ invariant: 'I1' as const, what: `ended ${tookMs} ms after the cancel` }] : [];
  const refused = answers.some((status) => status !== 200) ? [{ invariant: 'I1' as const, what: `cancel answered ${answers.join(', ')}` }] : [];
  return { seed, note: `${kind} after ${waitMs} ms: ${end}`, violations: [...violations, ...late, ...refused], facts: { cancel_ms: Math.max(0, tookMs) } };
}

/** A run whose worker was killed, for itself or for another case, ends when its lease is over. */
function wasKilled(stand: Stand, { log }: Evidence): boolean {
  const killed = stand.workers.flatMap((worker) => [...worker.killed]);
  return log.some((event) => event.type === 'run.started' && killed.some((id) => event.text.includes(id)));
}

function promptOf(kind: Race, stand: Stand): string {
  if (kind === 'claim') return script(say(3));
  if (kind === 'end') return script(bash(stand.ledger.write('effect')), say(3));
  return script(bash(`${stand.ledger.write('effect')}; sleep 40`), say(3));
}

/** Brings the run to the moment of the race; answers how many milliseconds before the cancel. */
async function provoke(stand: Stand, run: WatchedRun, kind: Race, random: SeededRandom): Promise<number> {
  if (kind === 'claim') return random.between(0, 400);
  await run.effects(1);
  if (kind === 'end') return random.between(0, 700);
  if (kind === 'tool') return random.between(0, 1500);
  const worker = stand.workerWith((await run.view())?.worker_id ?? null);
  if (kind === 'hand-over') {
    worker?.signal('SIGTERM');
    return random.between(0, 4000);
  }
  await worker?.kill();
  return random.between(10_000, 19_000);
}
