// The guard over every request: host, origin, key. It looks at the route that was matched, never at the path as text.
import { ProblemError } from '@runyard/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { frontDoor } from '../http/front-door.js';
import { hostCheck, originCheck } from './allowed-hosts.js';
import type { HostRules } from './allowed-hosts.js';
import { digestOf, presentsKey } from './presented-key.js';

/** Routes that answer without a key and, for probes that come by IP address, to any Host. */
export const OPEN_ROUTES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/healthz']);

/** Routes that only a browser can ask: Basic with the key as password is accepted there too. */
export function takesBasic(route: string | undefined): boolean {
  return route !== undefined && /^\/(docs|queues)(\/|$)/.test(route);
}

export interface AccessRules extends HostRules {
  readonly key: string;
}

/** Throws a ProblemError unless the request may go on. */
export type AccessCheck = (request: FastifyRequest, reply: FastifyReply) => void;

/** Makes the guard. Whatever has no route of its own, such as an unknown path, needs the key as well. */
export function accessCheck(rules: AccessRules): AccessCheck {
  const isAllowedHost = hostCheck(rules);
  const isAllowedOrigin = originCheck(isAllowedHost);
  const digest = digestOf(rules.key);
  return (request, reply) => {
    const route = request.routeOptions.url;
    if (route !== undefined && OPEN_ROUTES.has(route)) return;
    const { host = '', origin, authorization } = request.headers;
    if (!isAllowedHost(host) || countOf(request.raw.rawHeaders, 'host') > 1) {
      throw new ProblemError('forbidden', undefined, [{ field: 'Host', message: 'is not in the allow-list: add it to RUNYARD_ALLOWED_HOSTS if it is yours' }]);
    }
    if (origin !== undefined && !isAllowedOrigin(origin)) {
      throw new ProblemError('forbidden', undefined, [{ field: 'Origin', message: 'is not in the allow-list: add its host to RUNYARD_ALLOWED_HOSTS if it is yours' }]);
    }
    if (presentsKey(authorization, digest, takesBasic(route))) return;
    reply.header('www-authenticate', takesBasic(route) ? 'Basic realm="Runyard: any user, the API key as password", charset="UTF-8"' : 'Bearer realm="Runyard"');
    throw new ProblemError('unauthorized', frontDoor(request));
  };
}

/** rawHeaders alternates names and values. */
function countOf(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
}
