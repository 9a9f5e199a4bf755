// What a schema found wrong, as sentences that name the field and the fix.
import type { FieldError } from '@runyard/domain';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Faults that one answer tells. */
export const MAX_ERRORS = 50;
export const UNKNOWN_FIELD = 'is not known: remove it or correct its name';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
};

/** What texts of a form look like. */
const FORMS: Readonly<Record<string, string>> = {
  datetime: 'must be a time such as 2030-01-31T09:30:00Z',
  base64: 'must be base64',
};

/**
 * One entry per field, at most 50. `whole` names the value itself when a fault is not in one of its fields.
 * Messages complete the sentence "<field> …".
 */
export function fieldErrors(issues: readonly Issue[], value: unknown, whole: 'body' | 'query'): FieldError[] {
  const found = new Map<string, FieldError>();
  // The first fault of a field is told. That no whole number is greater than 2^53 is the last thing to say: the own limit of the field helps more.
  const ordered = [...issues.filter((issue) => !isBoundOfIntegers(issue)), ...issues.filter(isBoundOfIntegers)];
  for (const error of ordered.flatMap((issue) => explain(issue, [], value))) {
    const field = fieldName(error.path) || whole;
    const isRepeated = whole === 'query' && Array.isArray(valueAt(value, error.path));
    if (!found.has(field)) found.set(field, { field, message: isRepeated ? 'must be given once' : error.message });
    if (found.size === MAX_ERRORS) break;
  }
  return [...found.values()];
}

/** `workspace.path`, `prompt[0].text` */
export function fieldName(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join('');
}

function isBoundOfIntegers(issue: Issue): boolean {
  if (issue.code === 'too_big') return issue.maximum === Number.MAX_SAFE_INTEGER;
  return issue.code === 'too_small' && issue.minimum === Number.MIN_SAFE_INTEGER;
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
      return issue.keys.map((key) => ({ path: [...path, key], message: UNKNOWN_FIELD }));
    case 'invalid_type':
      return at(wrongType(issue, valueAt(value, path)));
    case 'invalid_value':
      return at(choice(issue.values));
    case 'too_small':
      return at(issue.origin === 'number' && valueAt(value, path) === '' ? 'must be a number, not empty' : tooSmall(issue));
    case 'too_big':
      return at(tooBig(issue));
    case 'invalid_union':
      return explainUnion(issue, path, value);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => explain(inner, path, value));
    default:
      return at(textOf(issue));
  }
}

/** Of several shapes, the one that the value was most likely meant to have speaks; when that cannot be told, all are named. */
function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, value: unknown): Explained[] {
  const options: unknown = 'options' in issue ? issue.options : undefined;
  if (issue.errors.length === 0) return [{ path, message: Array.isArray(options) ? choice(options) : 'is not valid' }];
  const shapes = issue.errors.filter((branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0)).map((branch) => shapeOf(branch, valueAt(value, path)));
  const least = Math.min(...shapes.map(({ missing, unknown }) => missing.length + unknown.length));
  const [meant, rival] = shapes.filter(({ missing, unknown }) => missing.length + unknown.length === least);
  if (meant === undefined) {
    const kinds = issue.errors.flatMap((branch) => branch.flatMap((inner) => (inner.code === 'invalid_type' ? [kindName(inner.expected)] : [])));
    return [{ path, message: wrongKind([...new Set(kinds)].join(' or '), valueAt(value, path)) }];
  }
  if (rival === undefined || least === 0) return meant.issues.flatMap((inner) => explain(inner, path, value));
  return nameShapes(shapes, path, Object.keys(valueAt(value, path) ?? {}));
}

interface Shape {
  readonly issues: readonly Issue[];
  /** Names that the shape needs and the value has not. */
  readonly missing: readonly string[];
  /** Names that the value has and the shape knows nothing of. */
  readonly unknown: readonly string[];
}

function shapeOf(issues: readonly Issue[], value: unknown): Shape {
  const missing = issues.flatMap(({ code, path }) => (code === 'invalid_type' && path.length === 1 && valueAt(value, path) === undefined ? [path.join('')] : []));
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : []));
  return { issues, missing, unknown };
}

function nameShapes(shapes: readonly Shape[], path: Path, names: readonly string[]): Explained[] {
  const strange = names.filter((name) => shapes.every(({ unknown }) => unknown.includes(name)));
  const rivals = names.filter((name) => !strange.includes(name) && shapes.some(({ unknown }) => unknown.includes(name)));
  const ways = shapes.flatMap(({ missing }) => (missing.length > 0 ? [missing.join(' and ')] : []));
  const message = ways.length > 0 ? `needs one of: ${ways.join(', ')}` : `must have only one of: ${rivals.join(', ')}`;
  return [{ path, message }, ...strange.map((name) => ({ path: [...path, name], message: UNKNOWN_FIELD }))];
}

/** Texts of a library are the last resort: its custom ones are written in libs/domain. */
function textOf(issue: Issue): string {
  const form = issue.code === 'invalid_format' ? FORMS[issue.format] : undefined;
  if (form !== undefined) return form;
  return issue.message.startsWith('must') || issue.code === 'custom' ? issue.message : `is not valid: ${issue.message}`;
}

function wrongType(issue: Extract<Issue, { code: 'invalid_type' }>, actual: unknown): string {
  const expected = kindName(issue.expected);
  // A text that was to be read as a number, as in a query: that it is a text is no fault.
  const isRead = typeof actual === 'string' && (issue.expected === 'int' || ('received' in issue && issue.received === 'NaN'));
  return isRead ? `must be ${expected}` : wrongKind(expected, actual);
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

/** What is at the path; undefined when nothing is. */
export function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}
