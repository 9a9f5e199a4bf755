// A query parameter that a route does not know is refused, never ignored: `?dry_run=true` must not act where it means nothing.
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { ProblemError } from '@runyard/domain';
import type { FastifyRequest } from 'fastify';
import { OPEN_ROUTES } from '../auth/access.js';
import { MAX_ERRORS } from './field-errors.js';

/**
 * Stands before every route of a controller. Routes whose `@Query` names a schema are left to it, because it names what it does not know. Probes
 * and pages for people bear any parameter: they change nothing, and a probe must not fail over one.
 */
export class UnknownParametersGuard implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { url = '' } = request.routeOptions;
    if (!OPEN_ROUTES.has(url) && !url.startsWith('/docs/') && !hasQuerySchema(context)) refuseParameters(request);
    return true;
  }
}

/** @throws ProblemError invalid_parameter that names each query parameter, when there is one */
export function refuseParameters({ query }: Pick<FastifyRequest, 'query'>): void {
  const names = Object.keys(query as object).slice(0, MAX_ERRORS);
  if (names.length === 0) return;
  throw new ProblemError('invalid_parameter', undefined, names.map((name) => ({ field: name || 'query', message: 'is not known here: remove it' })));
}

/** Reads what Nest has written down about the arguments of the method: `<kind>:<index>` → what was said of it. */
function hasQuerySchema(context: ExecutionContext): boolean {
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ?? {}) as Readonly<Record<string, { readonly schema?: unknown }>>;
  return Object.entries(args).some(([name, { schema }]) => name.startsWith(`${RouteParamtypes.QUERY}:`) && schema !== undefined);
}
