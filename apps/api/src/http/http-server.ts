// The Fastify server below Nest: limits, ids, access log, security headers and the guard, in this order, for every request.
import helmet from '@fastify/helmet';
import { LIMITS, ProblemError } from '@runyard/domain';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { accessCheck } from '../auth/access.js';
import type { AccessCheck, AccessRules } from '../auth/access.js';
import { accessLog } from './access-log.js';
import { detailsCheck } from './details-check.js';
import { demandPlainUtf8, parseJsonBody } from './json-body.js';
import { problemOf } from './problem-of.js';
import { refuseConnection, sendProblem } from './problem-reply.js';
import { requestId } from './request-id.js';
import type { Route } from './route-table.js';

export interface HttpServerOptions {
  readonly access: AccessRules;
  readonly logger: Logger;
  /** Aborted when no new work is taken. */
  readonly closing: AbortSignal;
  /** Filled with every route that is registered. */
  readonly routes: Route[];
}

/** Makes the server; Nest adds the routes. */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const [checkAccess, checkDetails] = [accessCheck(options.access), detailsCheck(options.access)];
  const check: AccessCheck = (request, reply) => {
    checkAccess(request, reply);
    checkDetails(request);
  };
  const server: FastifyInstance = fastify({
    bodyLimit: LIMITS.bodyBytes,
    requestTimeout: 120_000, // to send the whole request; answers may take as long as they like
    requestIdHeader: false,
    genReqId: requestId,
    return503OnClosing: false, // the hook below says it as a problem document
    clientErrorHandler: refuseConnection,
    http: { requireHostHeader: false }, // the guard refuses what has none, as a problem document
    // A path that cannot be decoded, or with a very long id, fails before any hook runs: guard it here.
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      try {
        check(request, reply);
        sendProblem(reply, problemOf(error));
      } catch (refusal) {
        sendProblem(reply, problemOf(refusal));
      }
    },
  });
  server.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) options.routes.push({ method: name, url });
  });
  await server.register(helmet, SECURITY_HEADERS);
  const log = accessLog(options.logger);
  server.addHook('onRequest', async (request, reply) => {
    log(request, reply);
    reply.header('x-request-id', request.id);
    reply.header('cache-control', 'no-store');
    if (options.closing.aborted) {
      reply.header('connection', 'close');
      throw new ProblemError('shutting_down');
    }
    check(request, reply);
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, async ({ headers }: FastifyRequest, body: Buffer) => {
    demandPlainUtf8(headers);
    return parseJsonBody(body);
  });
  return server;
}

/** For JSON and the page at /docs, whose style is inline. Served over plain HTTP too, so nothing insists on TLS. */
const SECURITY_HEADERS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'", "'unsafe-inline'"],
      'img-src': ["'self'", 'data:'],
      'connect-src': ["'self'"],
      'base-uri': ["'none'"],
      'form-action': ["'self'"],
      'frame-ancestors': ["'none'"],
    },
  },
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' as const },
};
