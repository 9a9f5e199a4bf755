// Short forms for what the OpenAPI document says about an operation.
import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse } from '@nestjs/swagger';
import { PROBLEM_KINDS } from '@runyard/domain';
import type { ProblemCode } from '@runyard/domain';

type OperationDecorator = MethodDecorator & ClassDecorator;

/** Name, one line and more of an operation. */
export function operation(operationId: string, summary: string, description = ''): OperationDecorator {
  return ApiOperation({ operationId, summary, ...(description === '' ? {} : { description }) }) as OperationDecorator;
}

/** The problems that an operation may answer with, one response per status. */
export function problems(...codes: readonly ProblemCode[]): OperationDecorator {
  const byStatus = Map.groupBy(codes, (code) => PROBLEM_KINDS[code].status);
  const responses = [...byStatus].map(([status, group]) =>
    ApiResponse({
      status,
      description: group.map((code) => `\`${code}\`: ${PROBLEM_KINDS[code].title}.`).join(' '),
      ...(status === 503 ? { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } } } : {}),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    }),
  );
  return applyDecorators(...responses) as OperationDecorator;
}

/** The id of a run in the path. */
export function runIdParameter(): OperationDecorator {
  return ApiParam({ name: 'id', description: 'Id of the run, `run_…`.', schema: { type: 'string' } }) as OperationDecorator;
}
