// The worker's own HTTP port: /livez says that the process works, /readyz whether it can take runs, /metrics what it did.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { isHealthy, METRICS_CONTENT_TYPE } from '@runyard/telemetry';
import type { HealthCheck, Metrics } from '@runyard/telemetry';

export type HealthChecks = () => Promise<Readonly<Record<string, HealthCheck>>>;

export interface HealthServer {
  /** The port that was taken. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on `host:port`; port 0 takes any free one. @throws the error of listen, such as EADDRINUSE */
export async function startHealthServer(place: { host: string; port: number }, checks: HealthChecks, metrics: Pick<Metrics, 'text'>): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, { status: 'error', checks: {} });
    else if (path === '/livez') answer(response, 200, { status: 'ok', checks: {} });
    else if (path === '/readyz') void answerReady(response, checks);
    else if (path === '/metrics') void answerMetrics(response, metrics);
    else answer(response, 404, { status: 'error', checks: {} });
  });
  server.requestTimeout = 10_000;
  server.listen(place.port, place.host);
  await once(server, 'listening');
  return { port: portOf(server), close: () => closeServer(server) };
}

async function answerReady(response: ServerResponse, checks: HealthChecks): Promise<void> {
  const found = await checks().catch((error: unknown) => ({ checks: { ok: false, detail: String(error) } }));
  const ok = isHealthy(found);
  answer(response, ok ? 200 : 503, { status: ok ? 'ok' : 'error', checks: found });
}

async function answerMetrics(response: ServerResponse, metrics: Pick<Metrics, 'text'>): Promise<void> {
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' }).end(text);
  } catch (error) {
    answer(response, 500, { status: 'error', checks: { metrics: { ok: false, detail: String(error) } } });
  }
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
