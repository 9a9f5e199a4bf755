// Row 5: a claude that hangs, in every way it can. Each has its own failure code, and nothing of it is left.
import { fakeClaude } from '@runyard/testing';
import type { CaseResult, Row } from '../row.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

interface Hang {
  readonly name: string;
  readonly prompt: string;
  readonly program?: Parameters<typeof fakeClaude>[0];
  readonly ends: readonly string[];
}

const HANGS: readonly Hang[] = [
  { name: 'never speaks', program: 'never-speaks', prompt: 'hello', ends: ['failed:stalled'] },
  { name: 'stops in the middle', program: 'stops-in-the-middle', prompt: 'hello', ends: ['failed:stalled'] },
  { name: 'stays after its result', program: 'stays-after-its-result', prompt: 'hello', ends: ['failed:not_exiting'] },
  { name: 'ignores every signal', program: 'ignores-every-signal', prompt: 'hello', ends: ['failed:stalled'] },
  { name: 'the model never answers', prompt: '[[hang]]', ends: ['failed:stalled'] },
  { name: 'the stream stalls', prompt: '[[stall after=3]]', ends: ['failed:stalled'] },
];

export const hangs: Row = { number: 5, title: 'hangs of claude and of the model', together: HANGS.length, ci: HANGS.length, perform };

/** Small limits, so that a hang is one soon. */
const LIMITS = { RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '15', RUNYARD_SILENCE_TIMEOUT_SECONDS: '6', RUNYARD_EXIT_TIMEOUT_SECONDS: '3', RUNYARD_CAPACITY: '2' };

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(1);
  try {
    const results: CaseResult[] = [];
    // One program after the other: each worker has its own.
    for (const seed of seeds) results.push(await hang(stand, seed));
    return results;
  } finally {
    await stand.close();
  }
}

async function hang(stand: Stand, seed: number): Promise<CaseResult> {
  const random = new SeededRandom(seed, 'hang');
  const { name, prompt, program, ends } = HANGS[seed % HANGS.length] ?? random.pick(HANGS);
  const worker = await stand.addWorker({ ...LIMITS, ...(program && { RUNYARD_CLAUDE_BIN: fakeClaude(program) }) });
  try {
    const run = await WatchedRun.submit(stand, random, { prompt });
    const { end, evidence, violations } = await run.judge({ ends, attempts: { from: 1, to: 1 } });
    const { started_at: startedAt = null, ended_at: endedAt = null } = evidence.run ?? {};
    const tookMs = startedAt === null || endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);
    return { seed, note: `${name}: ${end}`, violations, facts: { ended_after_ms: tookMs } };
  } finally {
    await worker.stop();
  }
}
