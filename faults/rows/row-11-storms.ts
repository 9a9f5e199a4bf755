// Row 11: the model refuses everybody for a while. Runs wait and go on by themselves; nobody hammers, no attempt is burnt, none fails.
import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { StormGate } from '../storm-gate.ts';
import type { Storm } from '../storm-gate.ts';
import { WatchedRun } from '../watched-run.ts';

const STORMS: readonly Storm[] = ['overloaded', 'rate limited', 'refused key'];
const RUNS = 10;
/** Each probe that fails is an attempt of the run that is first in the line, and of nobody else. */
const ATTEMPTS_AT_MOST = 6;
const CAPACITY = 3;
/** A probe is a process of the CLI, which may ask more than once. */
const REQUESTS_OF_A_PROBE = 4;
const PROBES_APART_MS = 3000;

export const storms: Row = { number: 11, title: '529, 429 and 401 storms', together: 1, ci: 3, perform: (seeds) => atOnce(seeds, weather) };

async function weather(seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'storm');
  const storm = STORMS[seed % STORMS.length] ?? 'overloaded';
  const stand = await Stand.open(1);
  const gate = await StormGate.open(stand.model.url);
  try {
    await stand.addWorker({ ANTHROPIC_BASE_URL: gate.url, RUNYARD_CAPACITY: String(CAPACITY), RUNYARD_CLAUDE_MAX_RETRIES: '0' });
    gate.storm = storm;
    const runs = await Promise.all(Array.from({ length: RUNS }, () => WatchedRun.submit(stand, random, { prompt: script(say(3)) })));
    const stormMs = random.between(15_000, 25_000);
    await sleep(stormMs);
    const waiting = (await Promise.all(runs.map((run) => run.view()))).filter((run) => run?.status === 'waiting').length;
    gate.storm = undefined;
    const judged = await Promise.all(runs.map((run) => run.judge({ ends: ['succeeded'], attempts: { from: 1, to: ATTEMPTS_AT_MOST } })));
    const atMost = REQUESTS_OF_A_PROBE * (CAPACITY * 2 + stormMs / PROBES_APART_MS);
    const hammered = gate.refused.length > atMost ? [{ invariant: 'I1' as const, what: `${gate.refused.length} requests in the storm, allowed: ${Math.floor(atMost)}` }] : [];
    const note = `${storm} for ${stormMs} ms: ${gate.refused.length} requests, ${waiting} of ${RUNS} waited; ${judged.map(({ end, evidence }) => `${end}/${evidence.run?.attempt}`).join(', ')}`;
    return { seed, note, violations: [...judged.flatMap((one) => one.violations), ...hammered], facts: { requests: gate.refused.length, waiting } };
  } finally {
    await stand.close();
    await gate.close();
  }
}
