// A run that takes its worker with it, and runs that only happened to be there.
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, script } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CAPACITY: '3' }, request: { allowed_tools: ['Bash'], recovery: 'restart' } });
const STARTS_AT_MOST = 2 + 3;

test('a run that kills its worker every time has failed after a few losses, and its neighbours succeed', { timeout: 600_000 }, async () => {
  const first = await stand.workDoomed();
  const neighbours = [await stand.submit({ prompt: '[[slow n=150 delay=100]]' }), await stand.submit({ prompt: '[[slow n=150 delay=100]]' })];
  await Promise.all(neighbours.map((run) => stand.streaming(run)));
  // Long enough for its neighbours to be under way each time.
  const poison = await stand.submit({ prompt: script(bash('sleep 5')) });
  const all = [poison, ...neighbours];
  for (let doomed = first, deaths = 0; ; doomed = await stand.workDoomed(), deaths += 1) {
    await doomed.arm(`K4:${poison.id}*`);
    const isOver = async (): Promise<boolean> => (await Promise.all(all.map(({ id }) => stand.store.get(id)))).every((run) => (run?.outcome ?? null) !== null);
    const end = await Promise.race([doomed.worker.exited.then(() => 'died'), waitFor(isOver, { what: 'the end of all three', timeoutMs: 500_000 }).catch(() => 'late')]);
    if (end !== 'died') break;
    expect(deaths).toBeLessThan(STARTS_AT_MOST);
    const left = await Promise.all(all.map(({ id }) => stand.store.get(id)));
    await stand.lose(doomed.worker, ...left.filter((run) => run?.status === 'running').map((run) => run!));
  }
  expect(await stand.ended(poison)).toMatchObject({ status: 'failed', losses: 3, outcome: { failure: { code: 'poisoned' } } });
  for (const run of neighbours) expect(await stand.ended(run)).toMatchObject({ status: 'succeeded', losses: 0 });
});
