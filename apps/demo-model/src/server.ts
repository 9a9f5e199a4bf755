// The demo model's HTTP server.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newExchange, sendError } from './exchange.js';
import { FailCounters } from './fail-counters.js';
import { newEntry, RequestLog } from './request-log.js';
import { answer, LOG_PATH } from './routes.js';
import type { Memory } from './routes.js';

export interface DemoModelOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface DemoModel {
  /** For `ANTHROPIC_BASE_URL`; no slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends at once: open streams are cut. */
  stop(): Promise<void>;
}

// Longer than a client keeps a connection idle between two tool rounds, so that it never writes into a closing one.
const KEEP_ALIVE_MS = 10 * 60_000;

/** Starts listening. Rejects with the system's error (`code` EADDRINUSE, EACCES, …) when it cannot. */
export async function startDemoModel({ host, port }: DemoModelOptions): Promise<DemoModel> {
  const memory: Memory = { log: new RequestLog(), counters: new FailCounters() };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => void handle(request, response, memory));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, port: bound, stop };
}

/** Never rejects: a broken connection ends its own exchange, a bug is told to the client as a 500. */
async function handle(request: IncomingMessage, response: ServerResponse, memory: Memory): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const sessionId = request.headers['x-claude-code-session-id'];
  const entry = newEntry(request.method ?? 'GET', path, typeof sessionId === 'string' ? sessionId : null);
  // Reading the log leaves no trace in it.
  if (path !== LOG_PATH) memory.log.add(entry);
  const exchange = newExchange(request, response, entry);
  try {
    await answer(exchange, path, memory);
  } catch (error) {
    if (response.headersSent || exchange.signal.aborted) response.destroy();
    else sendError(exchange, 500, error instanceof Error ? error.message : String(error));
  }
}
