// What answers of the CLI about MCP servers mean. The real answers are in secrets.spec.ts.
import type { ClaudeProcess } from '@runyard/claude';
import { expect, test } from 'vitest';
import { mcpProblem } from './mcp-check.js';

type Answer = Awaited<ReturnType<ClaudeProcess['control']>>;

const server = { type: 'stdio', command: 'x' } as const;
const states = (...mcpServers: unknown[]): Answer => ({ ok: true, response: { mcpServers } });

/** The problem of servers `a` and `b` after these answers; the process is gone when there are no more. */
function problemAfter(answers: readonly Answer[], over = () => false) {
  const left = [...answers];
  const claude = {
    get running() {
      return left.length > 0;
    },
    control: async () => left.shift(),
  };
  return mcpProblem({ claude, servers: { a: server, b: server }, over });
}

test('it is asked until no server of the run is pending, also after a question without an answer', async () => {
  const pending = states({ name: 'a', status: 'connected' }, { name: 'b', status: 'pending' });
  const connected = states({ name: 'a', status: 'connected' }, { name: 'b', status: 'connected' }, { name: 'of the project', status: 'pending' });
  expect(await problemAfter([undefined, pending, connected])).toBeUndefined();
});

test('each server that is not connected is named with its reason', async () => {
  const answer = states({ name: 'a', status: 'failed', error: 'Connection closed.' }, { name: 'b', status: 'needs-auth' });
  expect(await problemAfter([answer])).toBe('These MCP servers of mcp_servers cannot be used: a (failed: Connection closed), b (it asks for a login: give it a header with a secret).');
  expect(await problemAfter([states({ name: 'b', status: 'connected' })])).toBe('This MCP server of mcp_servers cannot be used: a (the CLI left it out).');
});

test('a CLI that does not know the question, a process that is gone, a run that is being ended', async () => {
  expect(await problemAfter([{ ok: false, response: 'unknown subtype' }])).toBe('unknown');
  expect(await problemAfter([])).toBe('unknown');
  expect(await problemAfter([states({ name: 'a', status: 'failed' })], () => true)).toBe('unknown');
});
