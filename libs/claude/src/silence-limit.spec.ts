import { expect, test } from 'vitest';
import type { OpenTool } from './open-tools.js';
import { silenceLimitMs } from './silence-limit.js';

const tool = (name: string, input: OpenTool['input'] = {}): OpenTool => ({ id: name, name, input, sinceMs: 0 });
const state = (more: Partial<Parameters<typeof silenceLimitMs>[0]>) => ({ openPermissions: [], openTools: [], backgroundTaskCount: 0, turnOpen: true, ...more });
const asked = { requestId: 'r', toolName: 'Bash', toolUseId: undefined, input: {}, sinceMs: 0 };

test.each([
  ['Claude thinks', state({}), 330_000],
  ['a command with the default time', state({ openTools: [tool('Bash')] }), 150_000],
  ['a command with its own time', state({ openTools: [tool('Bash', { timeout: 300_000 })] }), 330_000],
  ['a command with more time than the CLI gives', state({ openTools: [tool('Bash', { timeout: 86_400_000 })] }), 630_000],
  ['two tools: the longer one counts', state({ openTools: [tool('Bash', { timeout: 1_000 }), tool('Task')] }), 630_000],
  ['somebody is asked', state({ openPermissions: [asked], openTools: [tool('Bash')] }), undefined],
  ['only a background task runs', state({ turnOpen: false, backgroundTaskCount: 1 }), undefined],
  ['a background task runs and Claude thinks', state({ backgroundTaskCount: 1 }), 330_000],
])('%s', (_, tracker, limit) => {
  expect(silenceLimitMs(tracker)).toBe(limit);
});

test('times that the operator has set', () => {
  const times = { bashDefaultMs: 1_000, bashMaxMs: 2_000_000 };
  expect(silenceLimitMs(state({ openTools: [tool('Bash')] }), times)).toBe(31_000);
  expect(silenceLimitMs(state({ openTools: [tool('Bash', { timeout: 1_500_000 })] }), times)).toBe(1_530_000);
});
