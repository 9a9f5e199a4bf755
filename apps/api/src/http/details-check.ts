// Probes may come by any Host, but who asks for the details of a check is no probe: host and origin are looked at as for every other route.
import { ProblemError } from '@runyard/domain';
import type { FastifyRequest } from 'fastify';
import { hostCheck, originCheck } from '../auth/allowed-hosts.js';
import type { HostRules } from '../auth/allowed-hosts.js';

/** Makes the check. It throws a ProblemError forbidden for `/readyz?verbose` below a foreign Host or Origin, whatever key comes with it. */
export function detailsCheck(rules: HostRules): (request: FastifyRequest) => void {
  const isAllowedHost = hostCheck(rules);
  const isAllowedOrigin = originCheck(isAllowedHost);
  return ({ routeOptions, query, raw, headers: { origin } }) => {
    if (routeOptions.url !== '/readyz' || !('verbose' in (query as object))) return;
    const [host = '', ...more] = raw.headersDistinct['host'] ?? [];
    if (more.length > 0 || !isAllowedHost(host)) throw foreign('Host');
    if (origin !== undefined && !isAllowedOrigin(origin)) throw foreign('Origin');
  };
}

function foreign(field: string): ProblemError {
  return new ProblemError('forbidden', undefined, [{ field, message: 'is not in the allow-list: add it to RUNYARD_ALLOWED_HOSTS if it is yours, or ask without verbose' }]);
}
