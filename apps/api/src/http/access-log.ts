// One log line per request when it is over: method, path, status, time. Never headers or bodies.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { OPEN_ROUTES } from '../auth/access.js';

interface Measured {
  readonly duration_ms: number;
}

function fields(request: IncomingMessage, response: ServerResponse, { duration_ms }: Measured): object {
  return { method: request.method, url: request.url, status: response.statusCode, duration_ms };
}

/** Call once per request, before anything can refuse it. Gives the raw request its child logger as `log`. */
export function accessLog(logger: Logger): (request: FastifyRequest, reply: FastifyReply) => void {
  const log = pinoHttp({
    logger,
    quietReqLogger: true,
    quietResLogger: true,
    customAttributeKeys: { reqId: 'req_id', responseTime: 'duration_ms' },
    // Probes come every few seconds and say nothing.
    autoLogging: { ignore: (request) => OPEN_ROUTES.has(request.url ?? '') },
    customLogLevel: (_request, response, error) => (response.statusCode === 503 ? 'warn' : error || response.statusCode >= 500 ? 'error' : 'info'),
    customSuccessMessage: (request, response) => `${request.method} ${request.url} ${response.statusCode}${response.writableFinished ? '' : ' left by the client'}`,
    customErrorMessage: (request, response) => `${request.method} ${request.url} ${response.statusCode}`,
    customSuccessObject: (request, response, object: Measured) => fields(request, response, object),
    customErrorObject: (request, response, _error, object: Measured) => fields(request, response, object),
  });
  return (request, reply) => {
    const raw: IncomingMessage & { id?: unknown } = request.raw;
    raw.id = request.id;
    log(raw, reply.raw as ServerResponse);
  };
}
