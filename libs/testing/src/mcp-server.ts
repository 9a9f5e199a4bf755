// MCP servers for specs: a program that speaks over stdin and stdout, and one that listens on HTTP.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { startHttpServer } from './http-server.js';
import type { TestHttpServer } from './http-server.js';

/**
 * Path of the program; it is run with `node`. Its tools: `greet` ({name}), `variable` ({name}: the value of a variable of its
 * environment) and `leave` (starts a process that outlives it). What its arguments make of it is said in the program.
 */
export const stdioMcpServer: string = fileURLToPath(new URL('../src/mcp/stdio-server.mjs', import.meta.url));

export interface HttpMcpServer extends TestHttpServer {
  /** Names of the tools that were called, in order. */
  readonly calls: readonly string[];
}

interface Call {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string; readonly name?: string };
}

/** Streamable HTTP with one tool, `ping`. Whoever does not send this Authorization header gets 401. */
export async function startHttpMcpServer(authorization: string): Promise<HttpMcpServer> {
  const calls: string[] = [];
  const { url, stop } = await startHttpServer((request, response) => void answer(request, response, authorization, calls));
  return { url: `${url}/mcp`, calls, stop };
}

async function answer(request: IncomingMessage, response: ServerResponse, authorization: string, calls: string[]): Promise<void> {
  if (request.headers.authorization !== authorization) return void response.writeHead(401).end();
  if (request.method !== 'POST') return void response.writeHead(405).end();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call;
  if (call.id === undefined) return void response.writeHead(202).end();
  if (call.method === 'tools/call') calls.push(call.params?.name ?? '');
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: call.id, result: resultOf(call) }));
}

function resultOf({ method, params }: Call): object {
  switch (method) {
    case 'initialize':
      return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'http-test', version: '1' } };
    case 'tools/list':
      return { tools: [{ name: 'ping', description: 'answers pong', inputSchema: { type: 'object', properties: {} } }] };
    case 'tools/call':
      return { content: [{ type: 'text', text: 'pong over http' }] };
    default:
      return {};
  }
}
