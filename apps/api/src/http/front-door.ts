// What somebody reads who asks for `/`, where nothing is: the paths for people. The same with and without a key, so it tells nothing of this installation.
import type { FastifyRequest } from 'fastify';

const WAYS =
  'Nothing is served at /. In a browser open /queues (the queue) or /docs (the API): any user name, the API key as password. ' +
  '`runyard key` shows the key; with Docker Compose: docker compose exec api runyard key.';

/** The text for a problem document when the request asked for `/`, else undefined. It decides nothing about access. */
export function frontDoor({ url }: Pick<FastifyRequest, 'url'>): string | undefined {
  return /^\/(\?|$)/.test(url) ? WAYS : undefined;
}
