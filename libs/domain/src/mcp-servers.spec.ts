// MCP servers of a run: their names, and what each kind must have.
import { expect, test } from 'vitest';
import { CreateRun } from './create-run.js';
import { McpServers } from './mcp-servers.js';

const stdio = { type: 'stdio', command: 'npx' };
const http = { type: 'http', url: 'https://mcp.example.org/v1' };

test('stdio, http and sse are taken, each value a text or the name of a secret', () => {
  const servers = {
    files: { ...stdio, args: ['-y', 'some-server', '--root=${HOME}'], env: { LEVEL: 'debug', TOKEN: { secret: 'FILES_TOKEN' } } },
    issues: { ...http, headers: { Authorization: { secret: 'ISSUES_AUTHORIZATION' }, 'X-Team': 'a' } },
    'old-1_x': { type: 'sse', url: { secret: 'OLD_URL' } },
  };
  expect(McpServers.parse(servers)).toEqual(servers);
});

test.each<[string, unknown, string]>([
  ['a list', [stdio], ''],
  ['no type', { a: { command: 'x' } }, 'a.type'],
  ['an unknown type', { a: { type: 'telepathy' } }, 'a.type'],
  ['no command', { a: { type: 'stdio' } }, 'a.command'],
  ['an empty command', { a: { ...stdio, command: ' ' } }, 'a.command'],
  ['arguments as a text', { a: { ...stdio, args: '-y' } }, 'a.args'],
  ['a URL for stdio', { a: { ...stdio, url: 'http://x' } }, 'a'],
  ['a file as URL', { a: { ...http, url: 'file:///etc/passwd' } }, 'a.url'],
  ['a header of two lines', { a: { ...http, headers: { 'X-A': 'a\r\nX-B: b' } } }, 'a.headers.X-A'],
  ['a header with a blank in its name', { a: { ...http, headers: { 'X A': 'a' } } }, 'a.headers.X A'],
  ['the mark of the run', { a: { ...stdio, env: { RUNYARD_RUN_MARK: 'x' } } }, 'a.env.RUNYARD_RUN_MARK'],
  ['a name with __', { a__b: stdio }, 'a__b'],
  ['a name with a blank', { 'a b': stdio }, 'a b'],
  ['a name that the CLI keeps', { 'claude-in-chrome': stdio }, 'claude-in-chrome'],
  ['too many', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`s${i}`, stdio])), ''],
])('%s is refused', (_, servers, path) => {
  const { error } = CreateRun.safeParse({ prompt: 'x', mcp_servers: servers });
  expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path === '' ? 'mcp_servers' : `mcp_servers.${path}`);
});
