// Row 1: the worker dies at each of nine points, under each recovery policy. The facts decide what becomes of the run, never a guess.
import { writeFile } from 'node:fs/promises';
import type { Expectation } from '../evidence.ts';
import { withLeftFiles } from '../left-files.ts';
import { broken } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { say, sayThenBash, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const POINTS = ['K0', 'K1', 'K2', 'K3', 'K4', 'K5', 'K6', 'K7', 'K8'] as const;
const POLICIES = ['auto', 'resume', 'restart', 'never'] as const;
const WORKERS = 5;

type Point = (typeof POINTS)[number];
type Policy = (typeof POLICIES)[number];
type Decision = 'resume' | 'restart' | 'abandon';

export const workerKilled: Row = { number: 1, title: 'worker killed at K0..K8, each policy', together: 18, ci: 36, perform };

interface Cell {
  readonly seed: number;
  readonly point: Point;
  readonly policy: Policy;
  readonly decision: Decision;
  readonly run: WatchedRun;
}

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(2);
  try {
    // One run each: a worker that dies takes nobody else's run with it.
    await Promise.all(Array.from({ length: WORKERS }, () => stand.addWorker({ RUNYARD_CAPACITY: '1' }, { restarts: true })));
    // Nobody may begin before all points are armed.
    await stand.insist('POST', '/v1/queue/pause');
    const cells = await Promise.all(seeds.map((seed) => submit(stand, seed)));
    await writeFile(stand.crashFile, cells.map(({ point, run }) => `${point}:${run.id}`).join('\n'));
    await stand.insist('POST', '/v1/queue/resume');
    const results = await Promise.all(cells.map((cell) => judge(cell).catch((error: unknown) => broken(cell.seed, error))));
    return await withLeftFiles(stand, results);
  } finally {
    await stand.close();
  }
}

async function submit(stand: Stand, seed: number): Promise<Cell> {
  const random = new SeededRandom(seed, 'killed');
  const point = POINTS[(seed - 1) % POINTS.length] ?? 'K0';
  const policy = POLICIES[Math.floor((seed - 1) / POINTS.length) % POLICIES.length] ?? 'auto';
  const decision = random.pick(['resume', 'restart', 'abandon'] as const);
  const prompt = script(sayThenBash(random.between(1, 5), 20, stand.ledger.write('effect')), say(random.between(5, 20), random.between(20, 80)));
  const run = await WatchedRun.submit(stand, random, { prompt, recovery: policy }, { hangUpAfter: 40 });
  return { seed, point, policy, decision, run };
}

async function judge({ seed, point, policy, decision, run }: Cell): Promise<CaseResult> {
  const asks = point === 'K4' && policy === 'auto';
  const { end, evidence, violations } = await run.judge(expectedOf(point, policy, decision), { decide: decision });
  const asked = asks === run.waited > 0 ? [] : [{ invariant: 'I1' as const, what: asks ? 'nobody was asked although a tool was in flight' : 'somebody was asked although the facts were clear' }];
  const decided = asks ? `, then ${decision}` : '';
  return { seed, note: `${point} ${policy}${decided}: ${end} in attempt ${evidence.run?.attempt}`, violations: [...violations, ...asked] };
}

/** Design rule 11, as a table. */
function expectedOf(point: Point, policy: Policy, decision: Decision): Expectation {
  const effect = (from: number, to = from) => ({ effect: { from, to } });
  if (point === 'K8') return { ends: ['succeeded'], lines: effect(1), attempts: { from: 1, to: 1 } };
  if (point === 'K7') return { ends: ['succeeded'], lines: effect(1), attempts: { from: 1, to: 2 } };
  if (point === 'K0') return { ends: ['succeeded'], lines: effect(1), attempts: { from: 2, to: 2 } };
  const hadEffect = point === 'K4' || point === 'K5' || point === 'K6';
  if (policy === 'never') return { ends: ['failed:worker_lost'], lines: effect(hadEffect ? 1 : 0) };
  // What is resumed goes on from our note, which does not ask the demo model for the tool again. Once it has answered (K3), the cut is clean.
  const mayResume = policy === 'resume' || (policy === 'auto' && point === 'K3');
  if (!hadEffect) return { ends: ['succeeded'], lines: mayResume ? effect(0, 1) : effect(1) };
  if (policy === 'restart') return { ends: ['succeeded'], lines: effect(2) };
  if (policy === 'auto' && point === 'K4' && decision === 'restart') return { ends: ['succeeded'], lines: effect(2) };
  if (policy === 'auto' && point === 'K4' && decision === 'abandon') return { ends: ['failed:worker_lost'], lines: effect(1) };
  return { ends: ['succeeded'], lines: effect(1) };
}
