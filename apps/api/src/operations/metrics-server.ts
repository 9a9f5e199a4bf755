// The API's internal port: /metrics for Prometheus, without a key and therefore not on the port of the API.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_CONTENT_TYPE } from '@runyard/telemetry';
import type { Logger, Metrics } from '@runyard/telemetry';

export interface MetricsPlace {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

export interface MetricsServer {
  /** `http://host:port/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Listens, or says in the log why it cannot: metrics never keep the API from its work, and several stacks on one machine share
 * the default port.
 */
export async function startMetricsServer(place: MetricsPlace, metrics: Pick<Metrics, 'text'>, logger: Logger): Promise<MetricsServer | undefined> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path !== '/metrics') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' }).end(text),
      (error: unknown) => {
        logger.error({ err: error }, 'the metrics could not be told');
        response.writeHead(500).end();
      },
    );
  });
  server.requestTimeout = 10_000;
  try {
    server.listen(place.port, place.host);
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    logger.warn({ reason, host: place.host, port: place.port }, 'no metrics: the port cannot be had. Set RUNYARD_METRICS_PORT to another one (0 takes any free one, off none)');
    return undefined;
  }
  const { address, family, port } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`;
  return { url, close: () => closeServer(server) };
}

async function closeServer(server: ReturnType<typeof createServer>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
