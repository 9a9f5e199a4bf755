// A worker process that ends every run at once, to be killed by specs. Arguments: socket of Redis, data directory.
import { RunConsumer } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';

const [path, dataDir] = process.argv.slice(2);
const workerId = `wrk_quick-${process.pid}`;
const outcome = { status: 'succeeded', failure: null, result: 'done', structured_output: null, usage: null, cost_usd: null, cost_estimated: false, num_turns: 1, duration_ms: 1 };
const store = RunStore.open({ redis: { path }, role: 'worker', dataDir });

RunConsumer.open({
  redis: { path },
  capacity: 8,
  handle: async ({ runId, dispatch }) => {
    const claim = await store.claim({ runId, dispatch, workerId });
    if (claim.kind === 'claimed') await store.finish({ runId, attempt: claim.run.attempt, workerId }, outcome);
  },
});
process.stdin.resume().on('end', () => process.exit(0));
