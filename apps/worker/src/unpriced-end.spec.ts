// What a run has cost whose CLI ended without telling it: the tokens of its answers are counted, and the record says that it is an estimate.
import { expect, test } from 'vitest';
import { bash, script } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ request: { allowed_tools: ['Bash'] } });

test('killed by its own tool', async () => {
  await stand.work();
  const { outcome } = await stand.perform({ prompt: script(bash('kill -9 $PPID; sleep 600')) });
  expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'killed' }, cost_estimated: true });
  expect(outcome.usage?.input_tokens).toBeGreaterThan(0);
  expect(outcome.cost_usd).toBeGreaterThan(0);
});

test('timed out, and deaf to the interrupt', async () => {
  await stand.work();
  // A stopped process hears nothing: it can only be killed.
  const { outcome } = await stand.perform({ prompt: script(bash('kill -STOP $PPID; sleep 600')), timeout_seconds: 20 });
  expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'timed_out' }, cost_estimated: true });
  expect(outcome.usage?.input_tokens).toBeGreaterThan(0);
  expect(outcome.cost_usd).toBeGreaterThan(0);
});
