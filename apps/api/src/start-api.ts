// Starts the API in this process: stores, application, housekeeping; and stops it again.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { parseRedisUrl } from '@runyard/config';
import type { ApiSettings } from '@runyard/config';
import { RunQueue, ScheduleTicks } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { Logger } from 'pino';
import { ApiContext } from './api-context.js';
import { createApp } from './create-app.js';
import { STREAM_TIMES } from './events/open-streams.js';
import type { StreamTimes } from './events/open-streams.js';
import type { Route } from './http/route-table.js';
import { Housekeeping } from './operations/housekeeping.js';
import { connectionLog } from './operations/connection-log.js';
import { startMetricsServer } from './operations/metrics-server.js';
import type { MetricsPlace } from './operations/metrics-server.js';
import { tellOfService } from './operations/service-gauges.js';
import { ScheduleClock } from './schedules/schedule-clock.js';
import { VERSION } from './version.js';

export type ListenSettings = Pick<ApiSettings, 'host' | 'port' | 'dataDir' | 'redisUrl' | 'workspaceRoots' | 'allowedHosts'>;

export interface StartOptions {
  readonly settings: ListenSettings;
  readonly key: string;
  readonly logger: Logger;
  readonly demo: boolean;
  readonly runsAsRoot: boolean;
  readonly streamTimes?: StreamTimes;
  /** Where the metrics are served; default: nowhere. */
  readonly metricsPlace?: MetricsPlace | undefined;
}

export interface RunningApi {
  /** `http://host:port`; a wildcard address is shown as the loopback one. */
  readonly url: string;
  /** Undefined when metrics are not served. */
  readonly metricsUrl: string | undefined;
  readonly routes: readonly Route[];
  /** Refuses new requests, ends streams and waits, lets the others finish for at most `graceMs`, closes everything. */
  close(graceMs?: number): Promise<void>;
}

/** Listens even when Redis is away. Rejects with the error of `listen` when the address cannot be had. */
export async function startApi(options: StartOptions): Promise<RunningApi> {
  const { settings, logger } = options;
  const redis = parseRedisUrl(settings.redisUrl);
  if (!redis) throw new RangeError('redisUrl is no address of Redis');
  const context = new ApiContext({ ...options, version: VERSION, workspaceRoots: settings.workspaceRoots, dataDir: settings.dataDir });
  const tellOnce = connectionLog(logger);
  const onError = (error: Error): void => {
    context.metrics.redisError();
    tellOnce(error);
  };
  const store = RunStore.open({ redis, role: 'api', dataDir: settings.dataDir, onError });
  const queue = RunQueue.open({ redis, onError });
  const ticks = ScheduleTicks.open({ redis, onError });
  const closeStores = (): Promise<unknown> => Promise.allSettled([store.close(), queue.close(), ticks.close()]);
  try {
    const access = { key: options.key, listenHost: settings.host, allowedHosts: settings.allowedHosts };
    const app = await createApp({ context, store, queue, ticks, streamTimes: options.streamTimes ?? STREAM_TIMES }, access);
    await app.getHttpAdapter().getInstance().listen({ host: settings.host, port: settings.port });
    tellOfService(context.metrics, { store, queue });
    const metricsServer = options.metricsPlace && (await startMetricsServer(options.metricsPlace, context.metrics, logger));
    const housekeeping = Promise.all([app.get(Housekeeping).run(), app.get(ScheduleClock).run()]);
    const close = async (graceMs = 5_000): Promise<void> => {
      context.close();
      await closeServer(app, graceMs);
      await housekeeping;
      await metricsServer?.close();
      await closeStores();
    };
    return { url: urlOf(app), metricsUrl: metricsServer?.url, routes: context.routes, close };
  } catch (error) {
    context.close();
    await closeStores();
    throw error;
  }
}

/** Open connections end by themselves, or are cut off when the time is over. */
async function closeServer(app: NestFastifyApplication, graceMs: number): Promise<void> {
  const server = app.getHttpServer();
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  const closed = server.listening ? once(server, 'close') : Promise.resolve();
  await app.close();
  await closed;
  clearTimeout(cutOff);
}

function urlOf(app: NestFastifyApplication): string {
  const { address, family, port } = app.getHttpServer().address() as AddressInfo;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
