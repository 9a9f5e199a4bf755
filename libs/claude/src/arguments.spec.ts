import { expect, test } from 'vitest';
import { buildArguments } from './arguments.js';
import type { ClaudeSpec } from './arguments.js';

const SESSION = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';
const plain: ClaudeSpec = { session: { mode: 'start', sessionId: SESSION }, permissionMode: 'acceptEdits', trust: 'none' };
const always = ['--print', '--output-format=stream-json', '--verbose', '--input-format=stream-json', '--include-partial-messages'];

test('a plain run', () => {
  expect(buildArguments(plain)).toEqual([...always, '--setting-sources=user', '--strict-mcp-config', `--session-id=${SESSION}`, '--permission-mode=acceptEdits']);
});

test('every option, in one golden line', () => {
  const spec: ClaudeSpec = {
    session: { mode: 'fork', sessionId: SESSION, from: OTHER },
    model: 'claude-opus-5-5',
    fallbackModel: 'claude-haiku-4-5,claude-sonnet-5',
    effort: 'xhigh',
    permissionMode: 'dontAsk',
    allowedTools: ['Bash(npm test)', 'Read'],
    disallowedTools: ['WebFetch', 'Bash(rm *)'],
    appendSystemPromptFile: '/data/system prompt.txt',
    mcpConfigFile: '/data/private/mcp.json',
    outputSchema: { type: 'object', properties: { a: { const: '-x "y"' } } },
    maxTurns: 7,
    maxBudgetUsd: 0.25,
    trust: 'project',
  };
  expect(buildArguments(spec)).toEqual([
    ...always,
    `--resume=${OTHER}`,
    '--fork-session',
    `--session-id=${SESSION}`,
    '--permission-mode=dontAsk',
    '--model=claude-opus-5-5',
    '--fallback-model=claude-haiku-4-5,claude-sonnet-5',
    '--effort=xhigh',
    '--allowedTools=Bash(npm test)',
    '--allowedTools=Read',
    '--disallowedTools=WebFetch',
    '--disallowedTools=Bash(rm *)',
    '--append-system-prompt-file=/data/system prompt.txt',
    '--mcp-config=/data/private/mcp.json',
    '--json-schema={"type":"object","properties":{"a":{"const":"-x \\"y\\""}}}',
    '--max-turns=7',
    '--max-budget-usd=0.25',
  ]);
});

test('resume', () => {
  expect(buildArguments({ ...plain, session: { mode: 'resume', sessionId: SESSION } })).toContain(`--resume=${SESSION}`);
});

test('no value that begins with - becomes an argument of its own', () => {
  const evil = '--dangerously-skip-permissions';
  const built = buildArguments({
    ...plain,
    model: evil,
    fallbackModel: evil,
    allowedTools: [evil, '-p'],
    disallowedTools: [evil],
    appendSystemPromptFile: evil,
  });
  expect(built).not.toContain(evil);
  expect(built.filter((argument) => argument.endsWith(evil))).toHaveLength(5);
  expect(built.every((argument) => /^--[a-zA-Z-]+(=|$)/.test(argument)), 'flags only, no positional argument').toBe(true);
});

test.each([
  [0.0000001, '0.0000001'],
  [100_000, '100000'],
  [0.1, '0.1'],
])('a budget of %d is written in plain digits', (maxBudgetUsd, digits) => {
  expect(buildArguments({ ...plain, maxBudgetUsd }).at(-1)).toBe(`--max-budget-usd=${digits}`);
});
