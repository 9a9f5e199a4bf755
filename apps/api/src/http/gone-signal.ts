// Tells that a client has left before its answer was ready.
import type { FastifyReply } from 'fastify';

/** Aborted when the connection of the reply closes. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
