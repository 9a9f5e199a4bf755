// Row 10: runs that take their worker with them every time. They are started a few times at most, and everybody else goes on.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseResult, Row } from '../row.ts';
import { atOnce } from '../row.ts';
import { withLeftFiles } from '../left-files.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const STARTS_AT_MOST = 3;
/** Nobody knows whose loss it was, before it is started alone. */
const SHARED_AT_MOST = 2;
const NEIGHBOURS = 2;
/** Each loss has to be noticed, and suspects wait for each other. */
const ALL_OVER_MS = 300_000;
/** The claim that finds it poisoned counts as an attempt and starts nothing. */
const ATTEMPTS = { from: 1, to: STARTS_AT_MOST + 1 };

export const poison: Row = { number: 10, title: 'poison: a run that kills its worker each time', together: 3, ci: 3, perform };

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const isShared = (seed: number): boolean => seed % 3 === 0;
  const results = await Promise.all([alone(seeds.filter((seed) => !isShared(seed))), atOnce(seeds.filter(isShared), withNeighbours)]);
  return results.flat();
}

/** On workers with room for one. */
async function alone(seeds: readonly number[]): Promise<CaseResult[]> {
  if (seeds.length === 0) return [];
  const stand = await Stand.open(1);
  try {
    await writeFile(join(stand.dir, 'kill-worker.sh'), KILL_WORKER);
    await Promise.all(Array.from({ length: 2 }, () => stand.addWorker({ RUNYARD_CAPACITY: '1' }, { restarts: true })));
    const results = await Promise.all(seeds.map((seed) => (seed % 2 === 1 ? byItsTool(stand, seed) : byCrashPoint(stand, seed))));
    const after = await WatchedRun.submit(stand, new SeededRandom(seeds[0] ?? 0, 'after'), { prompt: script(say(3)) });
    const { violations } = await after.judge({ ends: ['succeeded'], attempts: { from: 1, to: 1 } });
    return await withLeftFiles(stand, results.map((result, index) => (index === 0 ? { ...result, violations: [...result.violations, ...violations] } : result)));
  } finally {
    await stand.close();
  }
}

// Up the family of the tool until the worker is found.
const KILL_WORKER = `p=$PPID
while [ "$p" -gt 1 ]; do
  if tr '\\0' ' ' < /proc/$p/cmdline | grep -q 'apps/worker/dist/main.js'; then kill -9 $p; sleep 60; fi
  p=$(awk '/^PPid:/ { print $2 }' /proc/$p/status)
done
`;

async function byItsTool(stand: Stand, seed: number): Promise<CaseResult> {
  const command = `${stand.ledger.write('effect')}; sh ${join(stand.dir, 'kill-worker.sh')}`;
  const run = await WatchedRun.submit(stand, new SeededRandom(seed, 'poison'), { prompt: script(bash(command), say(3)), recovery: 'restart' });
  const { end, evidence, violations } = await run.judge({ ends: ['failed:poisoned'], attempts: ATTEMPTS, lines: { effect: { from: 1, to: STARTS_AT_MOST } } });
  return { seed, note: `by its tool: ${end}, ${evidence.ledger.length} starts`, violations };
}

async function byCrashPoint(stand: Stand, seed: number): Promise<CaseResult> {
  await stand.insist('POST', '/v1/queue/pause');
  const run = await WatchedRun.submit(stand, new SeededRandom(seed, 'poison'), { prompt: script(say(10, 50)) });
  await writeFile(stand.crashFile, `K2:${run.id}*`);
  await stand.insist('POST', '/v1/queue/resume');
  const { end, evidence, violations } = await run.judge({ ends: ['failed:poisoned'], attempts: ATTEMPTS });
  return { seed, note: `at K2 each time: ${end} in attempt ${evidence.run?.attempt}`, violations };
}

/** Runs that were there each time have done nothing, and succeed. */
async function withNeighbours(seed: number): Promise<CaseResult> {
  const stand = await Stand.open(1);
  try {
    await stand.addWorker({ RUNYARD_CAPACITY: String(NEIGHBOURS + 1) }, { restarts: true });
    const random = new SeededRandom(seed, 'neighbours');
    const neighbours: WatchedRun[] = [];
    for (let i = 0; i < NEIGHBOURS; i++) neighbours.push(await WatchedRun.submit(stand, random, { prompt: script(say(150, 100)) }));
    for (const run of neighbours) await run.until('running', ({ status }) => status === 'running');
    await stand.insist('POST', '/v1/queue/pause');
    const killer = await WatchedRun.submit(stand, random, { prompt: script(bash('sleep 3'), say(3)), recovery: 'restart' });
    await writeFile(stand.crashFile, `K4:${killer.id}*`);
    await stand.insist('POST', '/v1/queue/resume');
    for (const run of [killer, ...neighbours]) await run.until('over', ({ ended_at, status }) => ended_at !== null || status === 'waiting', ALL_OVER_MS);
    // A neighbour that is lost before its process is started has one attempt more.
    const attempts = { from: 1, to: 2 * (SHARED_AT_MOST + STARTS_AT_MOST) + 1 };
    const judged = await killer.judge({ ends: ['failed:poisoned'], attempts: { from: 1, to: SHARED_AT_MOST + STARTS_AT_MOST + 1 } });
    const others = [];
    for (const run of neighbours) others.push(await run.judge({ ends: ['succeeded'], attempts }));
    const note = `beside ${NEIGHBOURS} others: ${judged.end} in attempt ${judged.evidence.run?.attempt}, they ${others.map(({ end }) => end).join(', ')}`;
    return { seed, note, violations: [judged, ...others].flatMap(({ violations }) => violations) };
  } finally {
    await stand.close();
  }
}
