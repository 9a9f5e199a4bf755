// The worker's own HTTP port: /livez says that the process works, /readyz whether it can take runs.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';

/** One thing that must be so; `ok: false` comes with what is wrong and what to do. */
export interface HealthCheck {
  readonly ok: boolean;
  readonly detail: string;
}

export type HealthChecks = () => Promise<Readonly<Record<string, HealthCheck>>>;

export interface HealthServer {
  /** The port that was taken. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on `host:port`; port 0 takes any free one. @throws the error of listen, such as EADDRINUSE */
export async function startHealthServer(place: { host: string; port: number }, checks: HealthChecks): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, { status: 'error', checks: {} });
    else if (path === '/livez') answer(response, 200, { status: 'ok', checks: {} });
    else if (path === '/readyz') void answerReady(response, checks);
    else answer(response, 404, { status: 'error', checks: {} });
  });
  server.requestTimeout = 10_000;
  server.listen(place.port, place.host);
  await once(server, 'listening');
  return { port: portOf(server), close: () => closeServer(server) };
}

async function answerReady(response: ServerResponse, checks: HealthChecks): Promise<void> {
  const found = await checks().catch((error: unknown) => ({ checks: { ok: false, detail: String(error) } }));
  const ok = Object.values(found).every((check) => check.ok);
  answer(response, ok ? 200 : 503, { status: ok ? 'ok' : 'error', checks: found });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
