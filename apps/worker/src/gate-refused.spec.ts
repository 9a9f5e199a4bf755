// A CLI without the gate before its tools: nobody would know what it did when its worker is lost, so it does nothing.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({});

/** Says no to the first message, and yes to everything else, after a moment. */
const PROGRAM = `#!/usr/bin/env node
import { createInterface } from 'node:readline';
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.type === 'control_request') say({ type: 'control_response', response: { subtype: 'error', request_id: message.request_id, error: 'hooks are not known' } });
  if (message.type === 'user') setTimeout(() => say({ type: 'result', subtype: 'success', is_error: false, result: 'done', num_turns: 1, total_cost_usd: 0 }), 500);
}
`;

test('the run ends with the reason', async () => {
  const bin = join(stand.base, 'claude.mjs');
  await writeFile(bin, PROGRAM);
  await chmod(bin, 0o755);
  await stand.work({ RUNYARD_CLAUDE_BIN: bin });
  expect(await stand.perform({ prompt: 'hello' })).toMatchObject({ status: 'failed', outcome: { failure: { code: 'internal', message: expect.stringMatching(/before they start: hooks are not known/) } } });
});
