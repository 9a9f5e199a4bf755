// Checks each parameter that names a schema, and says what is wrong with it field by field.
import { Injectable } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { CREATE_RUN_NOT_AVAILABLE, CreateRun, LIST_RUNS_NOT_AVAILABLE, ListRunsQuery, ProblemError, RetryRun, WORKSPACE_TYPES_NOT_AVAILABLE } from '@runyard/domain';
import type { FieldError } from '@runyard/domain';
import { z } from 'zod';
import { fieldErrors } from './field-errors.js';

/** Fields of the contract that wait for a later version, by the schema that will have them. */
const NOT_AVAILABLE = new Map<unknown, readonly string[]>([
  [CreateRun, CREATE_RUN_NOT_AVAILABLE],
  [RetryRun, CREATE_RUN_NOT_AVAILABLE],
  [ListRunsQuery, LIST_RUNS_NOT_AVAILABLE],
]);

/** Bodies that break their schema answer 422, query parameters 400. */
@Injectable()
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    if (!(metadata.schema instanceof z.ZodType)) return value;
    return checked(metadata.schema, value, metadata.type === 'body' ? 'body' : 'query');
  }
}

/** The value as the schema makes it. @throws ProblemError that names each wrong field */
export function checked<S extends z.ZodType>(schema: S, value: unknown, place: 'body' | 'query'): z.infer<S> {
  if (place === 'body' && value === undefined) throw new ProblemError('malformed_json', 'The body is empty.');
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const waiting = issues.flatMap((issue) => waitingFields(schema, issue, value));
  const known = new Set(waiting);
  const errors = fieldErrors(issues, value, place).map((error) => (known.has(error.field) ? notAvailable(error.field) : error));
  // A request that has other faults too is told all of them; the hint "leave it out" alone would not mend it.
  const code = errors.every((error) => known.has(error.field)) ? 'not_available' : place === 'body' ? 'invalid_request' : 'invalid_parameter';
  throw new ProblemError(code, undefined, errors);
}

function waitingFields(schema: z.ZodType, issue: z.core.$ZodIssue, value: unknown): string[] {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return issue.keys.filter((key) => NOT_AVAILABLE.get(schema)?.includes(key));
  }
  const isWorkspaceType = (schema === CreateRun || schema === RetryRun) && issue.path.join('.') === 'workspace.type';
  return isWorkspaceType && WORKSPACE_TYPES_NOT_AVAILABLE.some((type) => type === typeOfWorkspace(value)) ? ['workspace.type'] : [];
}

function typeOfWorkspace(value: unknown): unknown {
  return (value as { workspace?: { type?: unknown } } | null)?.workspace?.type;
}

function notAvailable(field: string): FieldError {
  const message = field === 'workspace.type' ? 'is not available in this version: use scratch or directory' : 'is not available in this version: leave it out';
  return { field, message };
}
