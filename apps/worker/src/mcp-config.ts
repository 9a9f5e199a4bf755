// The MCP servers of a run → the file from which the CLI reads them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { McpServer, McpServers } from '@runyard/domain';
import { resolveText, resolveTexts } from './run-secrets.js';
import type { RunSecrets } from './run-secrets.js';

/** Writes it for nobody else's eyes into the run's private directory; undefined when the run has no servers. */
export async function writeMcpConfig(servers: McpServers | undefined, secrets: RunSecrets, directory: string): Promise<string | undefined> {
  if (servers === undefined || Object.keys(servers).length === 0) return undefined;
  const path = join(directory, 'mcp.json');
  const entries = Object.entries(servers).map(([name, server]) => [name, literal(resolved(server, secrets))]);
  await writeFile(path, JSON.stringify({ mcpServers: Object.fromEntries(entries) }), { mode: 0o600, flag: 'wx' });
  return path;
}

function resolved(server: McpServer, secrets: RunSecrets): object {
  if (server.type === 'stdio') {
    const { type, command, args = [], env = {} } = server;
    return { type, command: resolveText(command, secrets), args: args.map((value) => resolveText(value, secrets)), env: resolveTexts(env, secrets) };
  }
  const { type, url, headers = {} } = server;
  return { type, url: resolveText(url, secrets), headers: resolveTexts(headers, secrets) };
}

/**
 * The CLI replaces `${NAME}` by variables of its own environment, the model key among them, and takes a default after `:-`. Texts
 * are meant as they are written, so each `${` becomes the default of a variable that is never set (tried with the binary, 2.1.330).
 */
function literal(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('${', () => '${RUNYARD_NONE:-$}{');
  if (Array.isArray(value)) return value.map(literal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, literal(entry)]));
}
