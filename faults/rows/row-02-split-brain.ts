// Row 2: the worker of a run is cut off from Redis, or stopped, while its tool goes on having effects; another worker may take the run over.
import { startBlackholeProxy } from '@runyard/testing';
import type { BlackholeProxy, ProxyMode } from '@runyard/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Expectation } from '../evidence.ts';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import type { StandWorker } from '../stand-worker.ts';
import { WatchedRun } from '../watched-run.ts';

const WAYS = ['silent', 'to the server', 'to the client', 'slow', 'stopped'] as const;
type Way = (typeof WAYS)[number];

/** Ten a second: still going on when the lease is over, unless somebody ends it. */
const TICKS = 260;
const TICKS_LATER = 10;
const CUT_OFF_MS = { from: 18_000, to: 26_000 };

export const splitBrain: Row = { number: 2, title: 'split brain: silent, one-way, slow, stopped', together: 5, ci: 5, perform };

interface Place {
  readonly worker: StandWorker;
  readonly proxy: BlackholeProxy;
}

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(2);
  const places: Place[] = [];
  try {
    // One more than there are runs: somebody must be able to take over.
    for (let count = 0; count <= seeds.length; count += 1) places.push(await addPlace(stand, new SeededRandom(seeds[0] ?? 0, 'delay', count)));
    return await atOnce(seeds, (seed) => cutOff(stand, places, seed));
  } finally {
    for (const { proxy } of places) proxy.set({ kind: 'pass' });
    await stand.close();
    await Promise.all(places.map(({ proxy }) => proxy.close()));
  }
}

async function addPlace(stand: Stand, random: SeededRandom): Promise<Place> {
  const proxy = await startBlackholeProxy({ target: { path: stand.redis.path }, random: () => random.next() });
  const worker = await stand.addWorker({ REDIS_URL: proxy.url, RUNYARD_CAPACITY: '1' }, { ownModel: true });
  return { worker, proxy };
}

async function cutOff(stand: Stand, places: readonly Place[], seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'split');
  const way = WAYS[seed % WAYS.length] ?? 'silent';
  const prompt = script(bash(stand.ledger.ticks('tick', TICKS, TICKS_LATER)), say(3));
  const run = await WatchedRun.submit(stand, random, { prompt, recovery: 'restart' });
  await run.effects(random.between(1, 40));
  const worker = stand.workerWith((await run.until('running', (view) => view.worker_id !== null)).worker_id);
  const place = places.find((one) => one.worker === worker);
  if (place === undefined) throw new Error('no place has this worker');
  const forMs = random.between(CUT_OFF_MS.from, CUT_OFF_MS.to);
  hurt(place, way);
  await sleep(forMs);
  heal(place);
  const { end, evidence, violations } = await run.judge(expectedOf(way));
  return { seed, note: `${way} for ${forMs} ms: ${end} in attempt ${evidence.run?.attempt}`, violations };
}

function hurt({ worker, proxy }: Place, way: Way): void {
  if (way === 'stopped') return worker.signal('SIGSTOP');
  const modes: Readonly<Record<Exclude<Way, 'stopped'>, ProxyMode>> = {
    silent: { kind: 'hold' },
    'to the server': { kind: 'hold', direction: 'to_server' },
    'to the client': { kind: 'hold', direction: 'to_client' },
    slow: { kind: 'delay', fromMs: 200, toMs: 2000 },
  };
  proxy.set(modes[way]);
}

function heal({ worker, proxy }: Place): void {
  proxy.set({ kind: 'pass' });
  worker.signal('SIGCONT');
}

/** Each tick is a tool of its own for the ledger: once in each attempt that got that far. */
function expectedOf(way: Way): Expectation {
  const once = { from: 0, to: 1 };
  const lines = Object.fromEntries(Array.from({ length: TICKS_LATER }, (_, index) => [`tick#${index + 1}`, { from: 1, to: 2 }]));
  if (way === 'slow') return { ends: ['succeeded'], attempts: { from: 1, to: 1 }, lines: { 'tick#1': { from: 1, to: 1 }, 'tick#2': once } };
  return { ends: ['succeeded'], attempts: { from: 2, to: 2 }, lines };
}
