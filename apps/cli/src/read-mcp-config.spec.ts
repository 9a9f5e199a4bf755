// The file of --mcp-config: both forms, and what would only fail later.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { readMcpConfig } from './read-mcp-config.js';

async function file(content: string): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const path = join(directory.path, 'mcp.json');
  await writeFile(path, content);
  return path;
}

const stdio = { type: 'stdio', command: 'npx', args: ['-c', 'echo ${HOME}'] };
const http = { type: 'http', url: 'https://example.org', headers: { Authorization: { secret: 'A' } } };

test("Claude's form and the plain one; stdio may be left out", async () => {
  expect(await readMcpConfig(await file(JSON.stringify({ mcpServers: { a: { ...stdio, type: undefined }, b: http } })))).toEqual({ a: stdio, b: http });
  expect(await readMcpConfig(await file(JSON.stringify({ a: stdio, b: http })))).toEqual({ a: stdio, b: http });
});

test.each([
  ['no JSON', '{', /does not hold MCP servers/],
  ['a list', '[]', /does not hold MCP servers/],
  ['a variable in a header', JSON.stringify({ a: { ...http, headers: { Authorization: 'Bearer ${TOKEN}' } } }), /server a counts on a variable/],
  ['a variable in the environment', JSON.stringify({ a: { ...stdio, env: { T: '${T:-x}' } } }), /counts on a variable/],
])('%s is refused', async (_, content, message) => {
  await expect(readMcpConfig(await file(content))).rejects.toThrow(message);
});

test('a file that is not there', async () => {
  await expect(readMcpConfig('/nowhere/at/all.json')).rejects.toThrow(/Cannot read \/nowhere\/at\/all.json \(ENOENT\)/);
});
