// One request and its response, with what every answer needs: a request id, a log entry, and a signal when the client is gone.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { apiErrorOf, errorBody } from './api-error.js';
import { newId } from './message.js';
import type { LoggedRequest } from './request-log.js';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly entry: LoggedRequest;
  /** Aborted when the response is closed before it was finished, and after it was. */
  readonly signal: AbortSignal;
}

/** Watches the response, so that `signal` tells when nobody listens any more. */
export function newExchange(request: IncomingMessage, response: ServerResponse, entry: LoggedRequest): Exchange {
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  // A client that leaves while being written to is no error of ours.
  response.on('error', () => closed.abort());
  return { request, response, requestId: newId('req'), entry, signal: closed.signal };
}

/** Sends the headers and notes the status. */
export function sendHead(exchange: Exchange, status: number, headers: Readonly<Record<string, string>>): void {
  exchange.entry.status = status;
  exchange.response.writeHead(status, { 'request-id': exchange.requestId, ...headers });
}

/** Sends `body` as JSON and ends the response. */
export function sendJson(exchange: Exchange, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const text = JSON.stringify(body);
  sendHead(exchange, status, { 'content-type': 'application/json', ...headers });
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : text);
}

/** An error in the API's shape, with the usual text of its status unless `message` says more. */
export function sendError(exchange: Exchange, status: number, message?: string): void {
  const known = apiErrorOf(status);
  sendJson(exchange, status, errorBody(known.type, message ?? known.message, exchange.requestId));
}
