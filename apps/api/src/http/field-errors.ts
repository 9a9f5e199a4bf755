// What a schema found wrong, as sentences that name the field and the fix.
import type { FieldError } from '@runyard/domain';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const MAX_ERRORS = 50;

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
};

/**
 * One entry per field and fault, at most 50. `whole` names the value itself when a fault is not in one of its fields.
 * Messages complete the sentence "<field> …".
 */
export function fieldErrors(issues: readonly Issue[], value: unknown, whole: string): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const error of issues.flatMap((issue) => explain(issue, [], value))) {
    const field = fieldName(error.path) || whole;
    if (!found.has(field)) found.set(field, { field, message: error.message });
    if (found.size === MAX_ERRORS) break;
  }
  return [...found.values()];
}

/** `workspace.path`, `prompt[0].text` */
export function fieldName(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join('');
}

interface Explained {
  readonly path: Path;
  readonly message: string;
}

function explain(issue: Issue, parent: Path, value: unknown): Explained[] {
  const path = [...parent, ...issue.path];
  const at = (message: string): Explained[] => [{ path, message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: 'is not known: remove it or correct its name' }));
    case 'invalid_type':
      return at(wrongKind(kindName(issue.expected), valueAt(value, path)));
    case 'invalid_value':
      return at(choice(issue.values));
    case 'too_small':
      return at(tooSmall(issue));
    case 'too_big':
      return at(tooBig(issue));
    case 'invalid_union':
      return explainUnion(issue, path, value);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => explain(inner, path, value));
    default:
      return at(issue.message.startsWith('must') || issue.code === 'custom' ? issue.message : `is not valid: ${issue.message}`);
  }
}

/** Of several shapes, the one that the value was most likely meant to have speaks. */
function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, value: unknown): Explained[] {
  const options: unknown = 'options' in issue ? issue.options : undefined;
  if (issue.errors.length === 0) return [{ path, message: Array.isArray(options) ? choice(options) : 'is not valid' }];
  const meant = issue.errors.find((branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0));
  if (meant) return meant.flatMap((inner) => explain(inner, path, value));
  const kinds = issue.errors.flatMap((branch) => branch.flatMap((inner) => (inner.code === 'invalid_type' ? [kindName(inner.expected)] : [])));
  return [{ path, message: wrongKind(kinds.join(' or '), valueAt(value, path)) }];
}

function wrongKind(expected: string, actual: unknown): string {
  return actual === undefined ? `is required: give ${expected}` : `must be ${expected}, not ${kindOf(actual)}`;
}

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? `must be ${String(values[0])}` : `must be one of: ${values.join(', ')}`;
}

function tooSmall(issue: Extract<Issue, { code: 'too_small' }>): string {
  if (issue.origin === 'string') return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} characters`;
  if (issue.origin === 'array') return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} entries`;
  return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
}

function tooBig(issue: Extract<Issue, { code: 'too_big' }>): string {
  if (issue.origin === 'string') return `must have at most ${issue.maximum} characters`;
  if (issue.origin === 'array') return `must have at most ${issue.maximum} entries`;
  return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
}

function kindName(expected: string): string {
  return KINDS[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return KINDS[typeof value] ?? typeof value;
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}
