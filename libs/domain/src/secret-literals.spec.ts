// Credentials written into a request are found and never quoted; ordinary texts are left alone.
import { expect, test } from 'vitest';
import { CreateRun } from './create-run.js';
import { secretNames } from './secret-reference.js';

const KEY = `sk-ant-${'api03-0123456789abcdef'}`;
const GITHUB = `ghp_${'0123456789abcdefghij0123456789abcdef'}`;

const http = (more: object) => ({ mcp_servers: { m: { type: 'http', url: 'https://example.org/mcp', ...more } } });
const stdio = (more: object) => ({ mcp_servers: { m: { type: 'stdio', command: 'x', ...more } } });

test.each<[string, object, string]>([
  ['a model key in a variable', { environment: { A: KEY } }, 'environment.A'],
  ['a token within a text', { environment: { A: `token ${GITHUB}` } }, 'environment.A'],
  ['a private key', { environment: { A: '-----BEGIN OPENSSH PRIVATE KEY-----\nabc' } }, 'environment.A'],
  ['a cloud key', { environment: { A: `AKIA${'0123456789ABCDEF'}` } }, 'environment.A'],
  ['a chat token', { tags: [`xoxb-${'1234567890-abcdef'}`] }, 'tags.0'],
  ['what is called a password and looks like one', { environment: { DB_PASSWORD: 'hunter2hunter2hunter2' } }, 'environment.DB_PASSWORD'],
  ['a password in an address', { environment: { DATABASE_URL: 'postgres://app:hunter2@db/app' } }, 'environment.DATABASE_URL'],
  ['a password in the address of a server', http({ url: 'https://me:hunter2@example.org/mcp' }), 'mcp_servers.m.url'],
  ['a token in the address of a server', http({ url: 'https://example.org/mcp?access_token=abcdefgh' }), 'mcp_servers.m.url'],
  ['an Authorization header', http({ headers: { authorization: 'whatever' } }), 'mcp_servers.m.headers.authorization'],
  ['an X-Api-Key header', http({ headers: { 'X-Api-Key': 'whatever' } }), 'mcp_servers.m.headers.X-Api-Key'],
  ['a bearer token in another header', http({ headers: { 'X-Forward': 'Bearer abcdef0123456789' } }), 'mcp_servers.m.headers.X-Forward'],
  ['a token among arguments', stdio({ args: ['--token=abcdefgh1234'] }), 'mcp_servers.m.args.0'],
  ['a key in the environment of a server', stdio({ env: { X: KEY } }), 'mcp_servers.m.env.X'],
  ['a key as the name of a secret', { environment: { A: { secret: `AKIA${'0123456789ABCDEF'}` } } }, 'environment.A.secret'],
  ['a key in a variable called secret', { environment: { secret: `AKIA${'0123456789ABCDEF'}` } }, 'environment.secret'],
  ['a key in the name', { name: KEY }, 'name'],
  ['a key in metadata', { metadata: { note: GITHUB } }, 'metadata.note'],
  ['a key in a rule', { allowed_tools: [`Bash(curl -H "Authorization: Bearer ${GITHUB}")`] }, 'allowed_tools.0'],
])('%s is refused with a pointer to secrets', (_, fields, path) => {
  const issues = CreateRun.safeParse({ prompt: 'x', ...fields }).error?.issues ?? [];
  expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  expect(issues[0]?.message).toMatch(/^must not hold .*RUNYARD_SECRET_<NAME>.*\{"secret": "<NAME>"\}$/);
  expect(JSON.stringify(issues)).not.toMatch(/hunter2|0123456789|abcdefgh|whatever/);
});

test.each<[string, object]>([
  ['words under suspicious names', { environment: { API_KEY: 'test', CACHE_KEY: 'v1', TOKEN: 'none', PASSWORD: 'correct horse battery staple' } }],
  ['an address with a port', { environment: { URL: 'http://localhost:8080/a@b?page=12345678' } }],
  ['a phrase', { name: 'Basic authentication tests', tags: ['bearer authentication'] }],
  ['a rule with a variable', { allowed_tools: ['Bash(deploy --token=$DEPLOY_TOKEN)'] }],
  ['an ssh address', { environment: { REPOSITORY: 'git@github.com:a/b.git' } }],
  ['a secret by name', http({ headers: { Authorization: { secret: 'MCP_AUTHORIZATION' } } })],
  ['a variable called env with a secret', { environment: { env: { secret: 'GITHUB_TOKEN_2024' } } }],
  ['a prompt about keys', { prompt: `What is ${KEY}?`, append_system_prompt: `Never print ${KEY}.` }],
])('%s is taken', (_, fields) => {
  expect(CreateRun.safeParse({ prompt: 'x', ...fields }).error).toBeUndefined();
});

test('the names of the secrets of a request, each once', () => {
  const request = CreateRun.parse({
    prompt: 'x',
    environment: { A: { secret: 'ONE' }, B: 'text', C: { secret: 'ONE' } },
    mcp_servers: {
      m: { type: 'stdio', command: 'x', args: ['y', { secret: 'TWO' }], env: { X: { secret: 'THREE' } } },
      n: { type: 'http', url: { secret: 'FOUR' }, headers: { authorization: { secret: 'FIVE' } } },
    },
  });
  expect(secretNames(request)).toEqual(['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE']);
  expect(secretNames(CreateRun.parse({ prompt: 'x' }))).toEqual([]);
});

test('a variable called secret is no reference', () => {
  const body = { prompt: 'x', environment: { secret: 'PLAIN' }, ...stdio({ env: { secret: 'PLAIN' } }) };
  expect(secretNames(CreateRun.parse(body))).toEqual([]);
});
