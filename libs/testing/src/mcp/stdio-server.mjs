// An MCP server over stdin and stdout, without any library: three tools that show what reaches such a server.
// Arguments: `stays` does not end with its input, `slow` takes its time to start, `silent` never answers.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const text = { type: 'string' };
const tools = [
  { name: 'greet', description: 'greets', inputSchema: { type: 'object', properties: { name: text } } },
  { name: 'variable', description: 'tells a variable of its environment', inputSchema: { type: 'object', properties: { name: text } } },
  { name: 'leave', description: 'leaves a process behind', inputSchema: { type: 'object', properties: {} } },
];

const uses = {
  greet: ({ name }) => `hello ${name}, said ${process.argv.slice(2).join(' ')}`,
  variable: ({ name }) => process.env[name] ?? 'not set',
  leave: () => {
    const script = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;
    return `left ${spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' }).pid}`;
  },
};

const results = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'stdio-test', version: '1' } }),
  'tools/list': () => ({ tools }),
  'tools/call': ({ name, arguments: input }) => ({ content: [{ type: 'text', text: uses[name](input ?? {}) }] }),
};

if (process.argv.includes('stays')) {
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
  setInterval(() => {}, 1000);
}

if (process.argv.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 1500));

createInterface({ input: process.stdin }).on('line', (line) => {
  if (process.argv.includes('silent')) return;
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: results[method]?.(params) ?? {} })}\n`);
});
