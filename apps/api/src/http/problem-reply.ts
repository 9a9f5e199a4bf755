// Writes problem documents: through Fastify where there is a reply, by hand on a socket whose request could not be read.
import type { Socket } from 'node:net';
import { newId, PROBLEM_KINDS, problemDocument, ProblemError } from '@runyard/domain';
import type { FastifyReply } from 'fastify';

const TYPE = 'application/problem+json; charset=utf-8';
export const RETRY_AFTER_SECONDS = 2;

/** Sends the problem; nothing happens when an answer was begun already. */
export function sendProblem(reply: FastifyReply, problem: ProblemError): void {
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const { status } = PROBLEM_KINDS[problem.code];
  // Fastify would close the connection below a body that it did not read; many clients then lose the answer. Node reads the rest.
  if (problem.code !== 'shutting_down') reply.removeHeader('connection');
  if (status === 429 || status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  reply.code(status).header('content-type', TYPE).header('cache-control', 'no-store').send(JSON.stringify(problemDocument(problem, reply.request.id)));
}

/** Answers bytes that are no HTTP request, or one with headers that are too long or too slow, and ends the connection. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const tooSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const line = tooLong ? '431 Request Header Fields Too Large' : tooSlow ? '408 Request Timeout' : '400 Bad Request';
  const text = tooLong ? 'The headers are too long.' : tooSlow ? 'The request did not arrive in time.' : 'This is not an HTTP request.';
  const body = JSON.stringify({ ...problemDocument(new ProblemError('invalid_parameter', text), newId('request')), status: Number(line.slice(0, 3)) });
  socket.end(`HTTP/1.1 ${line}\r\nContent-Type: ${TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}
