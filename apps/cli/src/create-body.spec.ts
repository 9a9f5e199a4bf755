import { CreateRun } from '@runyard/domain';
import { expect, test } from 'vitest';
import { createBody } from './create-body.js';
import { EXIT, Refusal } from './exit-codes.js';

const parts = { prompt: 'hello', cwd: '/home/ada/project' };

test('without options only the prompt is sent, so the defaults of the server hold', () => {
  expect(createBody({}, parts)).toStrictEqual({ prompt: 'hello' });
});

test('every option becomes its field, and the schema accepts the whole', () => {
  const body = createBody(
    {
      here: true,
      name: 'n',
      model: 'm',
      fallbackModel: 'f,g',
      effort: 'high',
      permissionMode: 'plan',
      allow: ['Bash(npm test)', 'Write'],
      disallow: ['WebFetch'],
      appendSystemPrompt: 'be kind',
      maxTurns: 3,
      maxBudget: 0.5,
      timeout: 900,
      recovery: 'never',
      session: 'ses_0123456789abcdef0123456789abcdef',
      fork: true,
      tag: ['t1', 't2'],
      env: ['CI=1', 'EMPTY=', 'TOKEN=secret:GITHUB_TOKEN', 'URL=x=secret:y'],
      metadata: ['a=1', 'b=x=y', 'c=', '__proto__=p'],
    },
    { ...parts, outputSchema: { type: 'object' }, mcpServers: { files: { type: 'stdio', command: 'x' } } },
  );
  expect(body).toStrictEqual({
    prompt: 'hello',
    name: 'n',
    session_id: 'ses_0123456789abcdef0123456789abcdef',
    fork: true,
    workspace: { type: 'directory', path: '/home/ada/project' },
    model: 'm',
    fallback_model: 'f,g',
    effort: 'high',
    permission_mode: 'plan',
    allowed_tools: ['Bash(npm test)', 'Write'],
    disallowed_tools: ['WebFetch'],
    append_system_prompt: 'be kind',
    environment: { CI: '1', EMPTY: '', TOKEN: { secret: 'GITHUB_TOKEN' }, URL: 'x=secret:y' },
    mcp_servers: { files: { type: 'stdio', command: 'x' } },
    output_schema: { type: 'object' },
    max_turns: 3,
    max_budget_usd: 0.5,
    timeout_seconds: 900,
    recovery: 'never',
    metadata: Object.fromEntries([['a', '1'], ['b', 'x=y'], ['c', ''], ['__proto__', 'p']]),
    tags: ['t1', 't2'],
  });
  const { metadata: _, ...rest } = body;
  expect(CreateRun.safeParse(rest).success).toBe(true);
});

test.each([
  ['an empty prompt', {}, { prompt: ' \n' }, /empty/],
  ['a prompt over 4 MiB, counted in bytes', {}, { prompt: 'é'.repeat(2 * 1024 * 1024 + 1) }, /4194306 bytes; 4194304/],
  ['fork without session', { fork: true }, {}, /--fork needs --session/],
  ['metadata without a name', { metadata: ['=x'] }, {}, /"=x" is not a pair/],
  ['a variable without a value', { env: ['X'] }, {}, /"X" is not a pair for --env/],
  ['metadata without a value', { metadata: ['x'] }, {}, /"x" is not a pair/],
])('%s is refused as wrong usage', (_, options, more, message) => {
  const attempt = (): unknown => createBody(options, { ...parts, ...more });
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(expect.objectContaining({ name: Refusal.name, exitCode: EXIT.usage }));
});

test('exactly 4 MiB pass', () => {
  expect(createBody({}, { ...parts, prompt: 'é'.repeat(2 * 1024 * 1024) }).prompt).toHaveLength(2 * 1024 * 1024);
});
