// Options of a run → command line, environment and first message.
import { readFile, stat } from 'node:fs/promises';
import { temporaryDirectory } from '@runyard/testing';
import type { CreateRun } from '@runyard/domain';
import { expect, onTestFinished, test } from 'vitest';
import type { ActiveRun } from './active-runs.js';
import type { RunSecrets } from './run-secrets.js';
import { bashTimes, claudeCommand, limitsLeft, userMessage } from './claude-command.js';
import { NO_SPENDING } from './spending.js';
import type { WorkerParts } from './worker-parts.js';

const settings = { claudeMaxRetries: 3, claudeApiTimeoutMs: 7000 };
const hostEnvironment = { HOME: '/home/somebody', PATH: '/bin', ANTHROPIC_API_KEY: 'sk-test', RUNYARD_API_KEY: 'admin', DATABASE_PASSWORD: 'x', REDIS_URL: 'redis://:p@h' };

async function commandOf(request: CreateRun, memory?: string, secrets: RunSecrets = new Map()) {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const active = { run: { request }, mark: 'the-mark', privateDir: directory.path } as ActiveRun;
  const parts = { settings, hostEnvironment } as unknown as WorkerParts;
  const session = { claude: { mode: 'start', sessionId: 'the-session' }, configDir: '/config', tmpDir: '/tmp/private', costBeforeUsd: 0 } as const;
  return claudeCommand(active, { path: '/workspace', ignored: [], ...(memory === undefined ? {} : { memory }) }, session, limitsLeft(request, NO_SPENDING), parts, secrets);
}

test('nothing asked for: edits are accepted, the workspace does not rule, nothing is appended', async () => {
  const { args, cwd } = await commandOf({ prompt: 'x' });
  expect(cwd).toBe('/workspace');
  expect(args).toEqual(expect.arrayContaining(['--session-id=the-session', '--permission-mode=acceptEdits', '--setting-sources=user', '--strict-mcp-config']));
  expect(args.filter((arg) => /system-prompt|model|max-|allowed|schema|effort/i.test(arg))).toEqual([]);
});

test('each option has its argument', async () => {
  const { args } = await commandOf({
    prompt: 'x',
    model: 'opus',
    fallback_model: 'haiku',
    effort: 'high',
    permission_mode: 'plan',
    allowed_tools: ['Bash(npm test)', '-x'],
    disallowed_tools: ['WebFetch'],
    output_schema: { type: 'object' },
    max_turns: 4,
    max_budget_usd: 1.5,
    workspace: { type: 'scratch', trust: 'project' },
  });
  expect(args).toEqual(
    expect.arrayContaining([
      '--model=opus', '--fallback-model=haiku', '--effort=high', '--permission-mode=plan', '--allowedTools=Bash(npm test)', '--allowedTools=-x',
      '--disallowedTools=WebFetch', '--json-schema={"type":"object"}', '--max-turns=4', '--max-budget-usd=1.5',
    ]),
  );
  expect(args).not.toContain('--setting-sources=user');
});

test('memory and appended system prompt go into one private file', async () => {
  const { args } = await commandOf({ prompt: 'x', append_system_prompt: 'be brief' }, 'from CLAUDE.md');
  const file = args.find((arg) => arg.startsWith('--append-system-prompt-file='))?.split('=')[1] ?? '';
  expect(await readFile(file, 'utf8')).toBe('from CLAUDE.md\n\nbe brief');
});

test('the environment has the mark, the limits and the model key, and nothing else of the worker', async () => {
  const { env } = await commandOf({ prompt: 'x' });
  expect(env).toMatchObject({
    HOME: '/home/somebody', CLAUDE_CONFIG_DIR: '/config', TMPDIR: '/tmp/private', RUNYARD_RUN_MARK: 'the-mark',
    CLAUDE_CODE_MAX_RETRIES: '3', API_TIMEOUT_MS: '7000', ANTHROPIC_API_KEY: 'sk-test',
  });
  expect(Object.keys(env).filter((name) => /^(RUNYARD_API_KEY|DATABASE_PASSWORD|REDIS_URL)$/.test(name))).toEqual([]);
});

test('variables of the run are added, as they are or as the secret that they name', async () => {
  const { env } = await commandOf({ prompt: 'x', environment: { CI: '1', TOKEN: { secret: 'ONE' } } }, undefined, new Map([['ONE', 'value of one']]));
  expect(env).toMatchObject({ CI: '1', TOKEN: 'value of one', RUNYARD_RUN_MARK: 'the-mark', ANTHROPIC_API_KEY: 'sk-test' });
});

test('MCP servers go into a file that only the worker reads, with their secrets, and nothing in it is expanded', async () => {
  const secrets = new Map([['ONE', 'value ${HOME} of one']]);
  const { args } = await commandOf(
    {
      prompt: 'x',
      mcp_servers: {
        files: { type: 'stdio', command: 'npx', args: ['-y', '$${A:-b}'], env: { TOKEN: { secret: 'ONE' } } },
        remote: { type: 'http', url: 'https://example.org/mcp', headers: { Authorization: { secret: 'ONE' } } },
      },
    },
    undefined,
    secrets,
  );
  expect(args.join(' ')).not.toContain('value');
  const file = args.find((arg) => arg.startsWith('--mcp-config='))?.split('=')[1] ?? '';
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    mcpServers: {
      files: { type: 'stdio', command: 'npx', args: ['-y', '$${RUNYARD_NONE:-$}{A:-b}'], env: { TOKEN: 'value ${RUNYARD_NONE:-$}{HOME} of one' } },
      remote: { type: 'http', url: 'https://example.org/mcp', headers: { Authorization: 'value ${RUNYARD_NONE:-$}{HOME} of one' } },
    },
  });
});

test('no servers, no file', async () => {
  for (const request of [{ prompt: 'x' }, { prompt: 'x', mcp_servers: {} }]) expect((await commandOf(request)).args.join(' ')).not.toContain('--mcp-config');
});

test('the prompt is one user message with an id of its own', () => {
  const { uuid, message } = userMessage('--help');
  expect(message).toEqual({ type: 'user', uuid, message: { role: 'user', content: '--help' }, parent_tool_use_id: null });
  expect(userMessage('--help').uuid).not.toBe(uuid);
});

test('times of commands only where the operator set them', () => {
  expect(bashTimes({})).toEqual({});
  expect(bashTimes({ BASH_MAX_TIMEOUT_MS: '3600000', BASH_DEFAULT_TIMEOUT_MS: 'x' })).toEqual({ bashMaxMs: 3_600_000 });
});

test('what earlier attempts have spent is not spent twice, and one turn is always left', () => {
  const request = { prompt: 'x', max_turns: 5, max_budget_usd: 2 };
  expect(limitsLeft(request, { ...NO_SPENDING, cost_usd: 0.5, num_turns: 3 })).toEqual({ maxTurns: 2, maxBudgetUsd: 1.5 });
  expect(limitsLeft(request, { ...NO_SPENDING, num_turns: 9 })).toEqual({ maxTurns: 1, maxBudgetUsd: 2 });
  expect(limitsLeft({ prompt: 'x' }, { ...NO_SPENDING, cost_usd: 1 })).toEqual({ maxTurns: undefined, maxBudgetUsd: undefined });
});
