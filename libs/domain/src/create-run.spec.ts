// The create body: what is taken, what is refused, and that nothing is taken and ignored.
import { expect, test } from 'vitest';
import { CREATE_RUN_NOT_AVAILABLE, CreateRun, promptBytes, WORKSPACE_TYPES_NOT_AVAILABLE } from './create-run.js';
import { LIMITS } from './limits.js';

const SESSION = `ses_${'0a'.repeat(16)}`;
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } };

const TAKEN: [string, Record<string, unknown>][] = [
  ['a prompt alone', {}],
  ['content blocks', { prompt: [{ type: 'text', text: 'what is this?' }, image] }],
  ['a prompt that begins with a dash', { prompt: '--help' }],
  ['every script of the world', { prompt: 'Ünïcödé 日本語 😀' }],
  ['a session', { session_id: SESSION }],
  ['a fork', { session_id: SESSION, fork: true }],
  ['no fork without a session', { fork: false }],
  ['a scratch workspace', { workspace: { type: 'scratch', trust: 'none', memory: false } }],
  ['a directory', { workspace: { type: 'directory', path: '/srv/app', trust: 'project', memory: true } }],
  ['all options', {
    name: 'nightly', model: 'opus', fallback_model: 'sonnet,haiku', effort: 'high', permission_mode: 'plan', allowed_tools: ['Bash(npm test)', 'Read'], disallowed_tools: ['WebFetch'],
    append_system_prompt: 'Be brief.\nPlease.', output_schema: { type: 'object' }, max_turns: 3, max_budget_usd: 0.5, timeout_seconds: 60, metadata: { team: 'a' }, tags: ['x'],
  }],
  ['a value that begins with a dash', { model: '-x', allowed_tools: ['--dangerously-skip-permissions'] }],
  ['the longest metadata', { metadata: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${i}`.padEnd(64, 'k'), 'v'.repeat(512)])) }],
  ['the most tags', { tags: Array.from({ length: 10 }, () => 't'.repeat(64)) }],
];

test.each(TAKEN)('takes %s', (_what, fields) => {
  const body = { prompt: 'do it', ...fields };
  expect(CreateRun.parse(body)).toEqual(body);
});

const REFUSED: [string, unknown, string][] = [
  ['nothing', undefined, ''],
  ['null', null, ''],
  ['a list', [], ''],
  ['a text', 'hello', ''],
  ['no prompt', {}, 'prompt'],
  ['an empty prompt', { prompt: '' }, 'prompt'],
  ['a blank prompt', { prompt: ' \n\t' }, 'prompt'],
  ['a number as prompt', { prompt: 5 }, 'prompt'],
  ['null as prompt', { prompt: null }, 'prompt'],
  ['no blocks', { prompt: [] }, 'prompt'],
  ['only a picture', { prompt: [image] }, 'prompt'],
  ['only blank text', { prompt: [{ type: 'text', text: ' ' }] }, 'prompt'],
  ['an unknown block', { prompt: [{ type: 'video' }] }, 'prompt'],
  ['a picture by URL', { prompt: [{ type: 'text', text: 'x' }, { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } }] }, 'prompt'],
  ['a picture that is not base64', { prompt: [{ type: 'text', text: 'x' }, { ...image, source: { ...image.source, data: '%%%' } }] }, 'prompt.1.source.data'],
  ['an unknown field', { prompt: 'x', colour: 'red' }, ''],
  ['a misspelt field', { prompt: 'x', allowedTools: [] }, ''],
  ['an unknown field of the workspace', { prompt: 'x', workspace: { type: 'scratch', path: '/a' } }, 'workspace'],
  ['an unknown workspace', { prompt: 'x', workspace: { type: 'moon' } }, 'workspace.type'],
  ['a workspace without a type', { prompt: 'x', workspace: {} }, 'workspace.type'],
  ['a relative directory', { prompt: 'x', workspace: { type: 'directory', path: 'a/b' } }, 'workspace.path'],
  ['a directory with NUL', { prompt: 'x', workspace: { type: 'directory', path: '/a\0b' } }, 'workspace.path'],
  ['a directory without a path', { prompt: 'x', workspace: { type: 'directory' } }, 'workspace.path'],
  ['an unknown trust', { prompt: 'x', workspace: { type: 'scratch', trust: 'all' } }, 'workspace.trust'],
  ['a session by its UUID', { prompt: 'x', session_id: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6' }, 'session_id'],
  ['a fork of nothing', { prompt: 'x', fork: true }, 'fork'],
  ['an unknown permission mode', { prompt: 'x', permission_mode: 'yolo' }, 'permission_mode'],
  ['an unknown recovery', { prompt: 'x', recovery: 'always' }, 'recovery'],
  ['an unknown effort', { prompt: 'x', effort: 'extreme' }, 'effort'],
  ['a model of two lines', { prompt: 'x', model: 'a\nb' }, 'model'],
  ['a blank model', { prompt: 'x', model: ' ' }, 'model'],
  ['an empty name', { prompt: 'x', name: '' }, 'name'],
  ['a name with an escape sequence', { prompt: 'x', name: '\u001b[2J' }, 'name'],
  ['tools as a text', { prompt: 'x', allowed_tools: 'Bash' }, 'allowed_tools'],
  ['a tool with a line break', { prompt: 'x', disallowed_tools: ['Bash\n'] }, 'disallowed_tools.0'],
  ['no turns', { prompt: 'x', max_turns: 0 }, 'max_turns'],
  ['half a turn', { prompt: 'x', max_turns: 1.5 }, 'max_turns'],
  ['turns as a text', { prompt: 'x', max_turns: '3' }, 'max_turns'],
  ['no budget', { prompt: 'x', max_budget_usd: 0 }, 'max_budget_usd'],
  ['a negative budget', { prompt: 'x', max_budget_usd: -1 }, 'max_budget_usd'],
  ['an endless time', { prompt: 'x', timeout_seconds: Number.POSITIVE_INFINITY }, 'timeout_seconds'],
  ['more than a day', { prompt: 'x', timeout_seconds: 86_401 }, 'timeout_seconds'],
  ['a list as output_schema', { prompt: 'x', output_schema: [] }, 'output_schema'],
  ['too large an output_schema', { prompt: 'x', output_schema: { a: 'x'.repeat(LIMITS.outputSchemaBytes) } }, 'output_schema'],
  ['too long a system prompt', { prompt: 'x', append_system_prompt: '€'.repeat(LIMITS.systemPromptBytes / 3 + 1) }, 'append_system_prompt'],
  ['metadata that is no text', { prompt: 'x', metadata: { a: 1 } }, 'metadata.a'],
  ['17 pairs', { prompt: 'x', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) }, 'metadata'],
  ['a long key', { prompt: 'x', metadata: { ['k'.repeat(65)]: '' } }, `metadata.${'k'.repeat(65)}`],
  ['a long value', { prompt: 'x', metadata: { k: 'v'.repeat(513) } }, 'metadata.k'],
  ['11 tags', { prompt: 'x', tags: Array.from({ length: 11 }, () => 't') }, 'tags'],
  ['a long tag', { prompt: 'x', tags: ['t'.repeat(65)] }, 'tags.0'],
];

test.each(REFUSED)('refuses %s', (_what, body, path) => {
  const result = CreateRun.safeParse(body);
  expect(result.success).toBe(false);
  expect(result.error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
});

test.each(CREATE_RUN_NOT_AVAILABLE)('%s waits for a later version and is refused', (field) => {
  const issues = CreateRun.safeParse({ prompt: 'x', [field]: 'y' }).error?.issues;
  expect(issues).toEqual([expect.objectContaining({ code: 'unrecognized_keys', keys: [field] })]);
});

test.each(WORKSPACE_TYPES_NOT_AVAILABLE)('workspace %s waits for a later version and is refused', (type) => {
  const issues = CreateRun.safeParse({ prompt: 'x', workspace: { type, url: 'https://example.org/a.git', path: '/a' } }).error?.issues;
  expect(issues?.[0]?.path).toEqual(['workspace', 'type']);
});

test('the fields of this version and those that wait are the create body of the contract', () => {
  const contract = [
    'prompt', 'name', 'session_id', 'fork', 'workspace', 'profile', 'model', 'fallback_model', 'effort', 'permission_mode', 'allowed_tools', 'disallowed_tools', 'append_system_prompt',
    'mcp_servers', 'output_schema', 'max_turns', 'max_budget_usd', 'timeout_seconds', 'expires_in_seconds', 'priority', 'run_at', 'file_ids', 'environment', 'recovery', 'keep_open_seconds',
    'metadata', 'tags', 'webhook_url',
  ];
  expect([...Object.keys(CreateRun.shape), ...CREATE_RUN_NOT_AVAILABLE].toSorted()).toEqual(contract.toSorted());
});

test('a prompt is measured in bytes of UTF-8; blocks as the JSON they are', () => {
  expect(promptBytes('a€😀')).toBe(8);
  expect(promptBytes([{ type: 'text', text: '€' }])).toBe(Buffer.byteLength('[{"type":"text","text":"€"}]'));
  expect(promptBytes(undefined)).toBe(0);
});
