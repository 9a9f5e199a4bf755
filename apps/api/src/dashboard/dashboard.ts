// The queue dashboard at /queues: bull-board as a Fastify plugin, in a scope whose every route passes the guard of the server.
import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { RunQueue } from '@runyard/run-queue';
import type { RunStore } from '@runyard/run-store';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { problemOf } from '../http/problem-of.js';
import { sendProblem } from '../http/problem-reply.js';
import { refuseWhatRunsDoNotBear } from './dashboard-rules.js';
import { PLAIN_ADDRESS } from './plain-address.js';

export interface DashboardParts {
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly logger: Logger;
}

const PATH = '/queues';
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
/** The page asks for a font of somebody else's server. */
const FOREIGN_LINKS = /<link\b[^>]*href="https?:\/\/[^>]*>\s*/g;
const FIRST_SCRIPT = '<script src="static/plain-address.js"></script></head>';

/**
 * Mounts the dashboard. The guard is a hook of the server itself and was added before, so it holds for every route here; a hook
 * bound to the mount path would not, because the plugin's routes lie below it.
 */
export async function mountDashboard(server: FastifyInstance, { store, queue, logger }: DashboardParts): Promise<void> {
  const adapter = new FastifyAdapter().setBasePath(PATH);
  createBullBoard({
    queues: [queue.forBoard((ids) => store.names(ids))],
    serverAdapter: adapter,
    options: {
      handlerHooks: { before: refuseWhatRunsDoNotBear },
      uiConfig: { boardTitle: 'Runyard queue', hideDocsLink: true, sortQueues: true },
    },
  });
  await server.register(
    async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => void reply.header('content-security-policy', CONTENT_SECURITY_POLICY));
      scope.addHook('preHandler', async (request) => {
        if (request.routeOptions.url?.startsWith(`${PATH}/api/`)) await queue.ping();
      });
      scope.addHook('onSend', async (_request, reply, payload) =>
        typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html') ? payload.replaceAll(FOREIGN_LINKS, '').replace('</head>', FIRST_SCRIPT) : payload,
      );
      // The plugin's own handler would show the refusals of the guard as defects: what it throws comes to the one below.
      adapter.setErrorHandler((error) => {
        throw error;
      });
      scope.setErrorHandler((error, request, reply) => {
        const problem = problemOf(error);
        if (problem.code === 'internal') logger.error({ err: error, req_id: request.id }, 'the queue dashboard failed by a defect');
        sendProblem(reply, problem);
      });
      scope.get('/static/plain-address.js', async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(PLAIN_ADDRESS));
      await scope.register(adapter.registerPlugin());
    },
    { prefix: PATH },
  );
}
