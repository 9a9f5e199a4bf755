// The file of --mcp-config → the MCP servers of the create body.
import type { CreateRun } from '@runyard/domain';
import { EXIT, Refusal } from './exit-codes.js';
import { readObject } from './read-prompt.js';
import { oneLine } from './text.js';

type McpServers = NonNullable<CreateRun['mcp_servers']>;

const VARIABLE = /\$\{\w+/;

/**
 * Servers by name, or Claude's own form `{"mcpServers": {…}}`, in which `"type": "stdio"` may be left out. What the servers must have is
 * for the API to say. @throws Refusal when the file cannot be read, or counts on variables of this machine
 */
export async function readMcpConfig(file: string): Promise<McpServers> {
  const content = await readObject(file, 'MCP servers', 'one object, such as {"mcpServers":{"files":{"type":"stdio","command":"npx","args":["-y","some-server"]}}}');
  const servers = isObject(content['mcpServers']) ? content['mcpServers'] : content;
  const entries = Object.entries(servers).map(([name, server]) => [name, withType(server)] as const);
  for (const [name, server] of entries) refuseVariables(file, name, server);
  return Object.fromEntries(entries) as McpServers;
}

function withType(server: unknown): unknown {
  return isObject(server) && server['type'] === undefined && server['command'] !== undefined ? { type: 'stdio', ...server } : server;
}

/** Arguments may hold `${…}` for a shell on the worker; elsewhere it was meant to be replaced here, and nobody does that. */
function refuseVariables(file: string, name: string, server: unknown): void {
  if (!isObject(server)) return;
  const values = [server['url'], ...Object.values(objectOf(server['headers'])), ...Object.values(objectOf(server['env']))];
  const found = values.find((value) => typeof value === 'string' && VARIABLE.test(value));
  if (found === undefined) return;
  throw new Refusal(
    EXIT.usage,
    `${oneLine(file)}: the MCP server ${oneLine(name)} counts on a variable (\${…}), and nothing is replaced.`,
    'Write the value itself, or {"secret": "NAME"} for RUNYARD_SECRET_NAME of the worker.',
  );
}

function objectOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
