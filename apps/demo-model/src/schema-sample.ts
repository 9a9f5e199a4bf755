// Builds a value that fits a simple JSON Schema, or one that does not.

type Schema = Readonly<Record<string, unknown>>;

// Deep enough for hand-written schemas; a recursive one ends here.
const MAX_DEPTH = 12;

/**
 * A small value that fits `schema`: every property, the fewest items, the first choice.
 * Understands type, enum, const, default, properties, items, prefixItems, anyOf, oneOf, allOf, local $ref,
 * lengths, bounds, multipleOf and the common formats; `pattern` is not understood.
 */
export function sampleOf(schema: unknown): unknown {
  return sample(asSchema(schema), asSchema(schema), 0);
}

/** An object whose every property has a type that `schema` does not allow, so that no try ever fits. */
export function misfitOf(schema: unknown): Record<string, unknown> {
  const root = asSchema(schema);
  const properties = Object.entries(asSchema(root['properties']));
  return Object.fromEntries(properties.map(([name, property]) => [name, misfit(sample(asSchema(property), root, 0))]));
}

function misfit(fitting: unknown): unknown {
  return typeof fitting === 'object' && fitting !== null ? 'does not fit' : { does_not: 'fit' };
}

function sample(schema: Schema, root: Schema, depth: number): unknown {
  if (depth > MAX_DEPTH) return null;
  if ('const' in schema) return schema['const'];
  for (const choices of [schema['enum'], schema['examples']]) {
    if (Array.isArray(choices) && choices.length > 0) return choices[0];
  }
  if ('default' in schema) return schema['default'];
  if (typeof schema['$ref'] === 'string') return sample(resolve(schema['$ref'], root), root, depth + 1);
  const parts = schema['allOf'];
  if (Array.isArray(parts)) return sample(merge([without(schema, 'allOf'), ...parts.map(asSchema)], root), root, depth + 1);
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(options)) return sample(merge([without(schema, 'anyOf', 'oneOf'), asSchema(options[0])], root), root, depth + 1);
  return sampleOfType(schema, root, depth);
}

function sampleOfType(schema: Schema, root: Schema, depth: number): unknown {
  switch (typeOf(schema)) {
    case 'object':
      return sampleObject(schema, root, depth);
    case 'array':
      return sampleArray(schema, root, depth);
    case 'integer':
    case 'number':
      return sampleNumber(schema);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return sampleString(schema);
  }
}

function typeOf(schema: Schema): unknown {
  const type: unknown = schema['type'];
  if (Array.isArray(type)) return type[0];
  if (type !== undefined) return type;
  if (schema['properties'] !== undefined) return 'object';
  return schema['items'] === undefined ? 'string' : 'array';
}

function sampleObject(schema: Schema, root: Schema, depth: number): Record<string, unknown> {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const made = Object.entries(asSchema(schema['properties']))
    // Optional properties are left out further down: that is where recursive schemas end.
    .filter(([name]) => required.has(name) || depth < 4)
    .map(([name, property]) => [name, sample(asSchema(property), root, depth + 1)] as const);
  return Object.fromEntries(made);
}

function sampleArray(schema: Schema, root: Schema, depth: number): unknown[] {
  const first = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  const count = Math.max(numberOr(schema['minItems'], depth < 4 ? 1 : 0), first.length);
  const length = Math.min(count, numberOr(schema['maxItems'], count));
  return Array.from({ length }, (_, index) => sample(asSchema(first[index] ?? schema['items']), root, depth + 1));
}

function sampleNumber(schema: Schema): number {
  const step = numberOr(schema['multipleOf'], typeOf(schema) === 'integer' ? 1 : 0);
  const above = numberOr(schema['exclusiveMinimum'], -Infinity);
  const below = numberOr(schema['exclusiveMaximum'], Infinity);
  const width = below - above;
  const gap = step || (Number.isFinite(width) ? width / 2 : 0.5);
  const low = Number.isFinite(above) ? above + gap : numberOr(schema['minimum'], 1);
  const high = Number.isFinite(below) ? below - gap : numberOr(schema['maximum'], Infinity);
  if (step === 0) return Math.min(low, high);
  const fitting = Math.ceil(low / step) * step;
  return fitting <= high ? fitting : Math.floor(high / step) * step;
}

const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function sampleString(schema: Schema): string {
  const text = formats[String(schema['format'])] ?? 'demo';
  const padded = text.padEnd(numberOr(schema['minLength'], 0), '-');
  return padded.slice(0, numberOr(schema['maxLength'], padded.length));
}

function resolve(ref: string, root: Schema): Schema {
  const steps = ref.replace(/^#\/?/, '').split('/').filter((step) => step !== '');
  return steps.reduce<Schema>((at, step) => asSchema(at[step.replaceAll('~1', '/').replaceAll('~0', '~')]), root);
}

/** Joins schemas that all must hold: properties and required names are united, other keywords are overlaid. */
function merge(schemas: readonly Schema[], root: Schema): Schema {
  const plain = schemas.map((schema) => (typeof schema['$ref'] === 'string' ? resolve(schema['$ref'], root) : schema));
  const properties = Object.assign({}, ...plain.map((schema) => schema['properties'])) as Schema;
  const required = plain.flatMap((schema) => (Array.isArray(schema['required']) ? schema['required'] : []));
  const merged = Object.assign({}, ...plain) as Schema;
  return { ...merged, ...(Object.keys(properties).length > 0 ? { properties, required } : {}) };
}

function without(schema: Schema, ...keys: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
