// Checks each parameter that names a schema, and says what is wrong with it field by field.
import { Injectable } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { CancelRuns, CREATE_RUN_NOT_AVAILABLE, CreateRun, LIST_RUNS_NOT_AVAILABLE, ListRunsQuery, ProblemError, PutSchedule, RetryRun, WORKSPACE_TYPES_NOT_AVAILABLE } from '@runyard/domain';
import type { FieldError } from '@runyard/domain';
import { z } from 'zod';
import { fieldErrors, UNKNOWN_FIELD, valueAt } from './field-errors.js';

/** What waits for a later version. */
interface Waiting {
  /** Names of fields, as errors give them. */
  readonly fields: readonly string[];
  /** Where the type of a workspace stands. */
  readonly workspaceType?: string;
}

const NOT_AVAILABLE = new Map<unknown, Waiting>([
  [CreateRun, { fields: CREATE_RUN_NOT_AVAILABLE, workspaceType: 'workspace.type' }],
  [RetryRun, { fields: CREATE_RUN_NOT_AVAILABLE, workspaceType: 'workspace.type' }],
  [PutSchedule, { fields: below('run', CREATE_RUN_NOT_AVAILABLE), workspaceType: 'run.workspace.type' }],
  [ListRunsQuery, { fields: LIST_RUNS_NOT_AVAILABLE }],
  [CancelRuns, { fields: below('filter', LIST_RUNS_NOT_AVAILABLE) }],
]);

function below(field: string, names: readonly string[]): string[] {
  return names.map((name) => `${field}.${name}`);
}

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
  const waiting = NOT_AVAILABLE.get(schema);
  const errors = fieldErrors(result.error.issues, value, place).map((error) => (waiting && notAvailable(error, waiting, value)) ?? error);
  // A request that has other faults too is told all of them; the hint "leave it out" alone would not mend it.
  const code = errors.every((error) => error.message.startsWith(NOT_YET)) ? 'not_available' : place === 'body' ? 'invalid_request' : 'invalid_parameter';
  throw new ProblemError(code, undefined, errors);
}

const NOT_YET = 'is not available in this version: ';

/** The error in other words when it is about something that waits for a later version. */
function notAvailable({ field, message }: FieldError, { fields, workspaceType }: Waiting, value: unknown): FieldError | undefined {
  if (message === UNKNOWN_FIELD && fields.includes(field)) return { field, message: `${NOT_YET}leave it out` };
  if (field !== workspaceType) return undefined;
  const given = valueAt(value, field.split('.'));
  return WORKSPACE_TYPES_NOT_AVAILABLE.some((type) => type === given) ? { field, message: `${NOT_YET}use scratch or directory` } : undefined;
}
