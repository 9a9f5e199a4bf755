// The one place where errors become answers.
import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { frontDoor } from './front-door.js';
import { problemOf } from './problem-of.js';
import { sendProblem } from './problem-reply.js';
import { allowedMethods } from './route-table.js';

function atFrontDoor(problem: ProblemError, request: FastifyRequest): ProblemError {
  const ways = frontDoor(request);
  return ways === undefined ? problem : new ProblemError('not_found', ways);
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly context: ApiContext) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.explain(error, http.getRequest<FastifyRequest>(), reply);
    if (problem.code === 'internal') this.context.logger.error({ err: error, req_id: reply.request.id }, 'request failed by a defect');
    else if (problem.code === 'redis_unavailable') this.context.logger.warn({ err: error, req_id: reply.request.id }, 'request failed: Redis is not available');
    sendProblem(reply, problem);
  }

  private explain(error: unknown, request: FastifyRequest, reply: FastifyReply): ProblemError {
    const problem = problemOf(error);
    if (problem.code !== 'not_found' || !request.is404) return problem;
    const allow = allowedMethods(this.context.routes, request.url);
    // A route with a wildcard may have nothing under this name.
    if (allow.length === 0 || allow.includes(request.method)) return atFrontDoor(problem, request);
    reply.header('allow', allow.join(', '));
    return new ProblemError('method_not_allowed');
  }
}
