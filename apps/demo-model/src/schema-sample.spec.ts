// Samples are checked against zod schemas, whose JSON Schemas they were made from.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { misfitOf, sampleOf } from './schema-sample.js';

const Address = z.object({ street: z.string().min(3), zip: z.string().length(5) });
const schemas = {
  flat: z.strictObject({ a: z.string(), b: z.number(), c: z.boolean(), d: z.null() }),
  bounds: z.object({
    short: z.string().max(2),
    long: z.string().min(40),
    age: z.int().min(18).max(120),
    below: z.number().max(-3),
    share: z.number().gt(0).lt(1),
    tens: z.number().multipleOf(10).min(15),
  }),
  choices: z.object({ size: z.enum(['s', 'm']), kind: z.literal('k'), either: z.union([z.number().min(7), z.string()]) }),
  lists: z.object({ some: z.array(z.int()).min(3), few: z.array(z.string()).max(0), pair: z.tuple([z.string(), z.number()]) }),
  nested: z.object({ home: Address, others: z.array(z.object({ at: Address.optional() })) }),
  formats: z.object({ when: z.iso.datetime(), mail: z.email(), id: z.uuid(), link: z.url() }),
  joined: z.object({ both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })) }),
  nullable: z.object({ maybe: z.string().nullable(), optional: z.string().optional(), preset: z.string().default('x') }),
};

test.each(Object.entries(schemas))('a sample fits: %s', (_name, schema) => {
  const sample = sampleOf(z.toJSONSchema(schema));
  expect(schema.safeParse(sample)).toMatchObject({ success: true });
});

test.each(Object.entries(schemas))('a misfit never fits: %s', (_name, schema) => {
  expect(schema.safeParse(misfitOf(z.toJSONSchema(schema))).success).toBe(false);
});

test('references and recursion end', () => {
  const tree = {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        required: ['name', 'children'],
        properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
      },
    },
  };
  expect(sampleOf(tree)).toMatchObject({ name: 'demo', children: [{ name: 'demo' }] });
});

test.each([undefined, null, 'text', 5, [], {}, { type: 'object' }, { type: ['integer', 'null'] }, { properties: { a: true } }])(
  'odd schemas give something and do not throw: %j',
  (schema) => {
    expect(sampleOf(schema)).not.toBeUndefined();
    expect(misfitOf(schema)).toBeTypeOf('object');
  },
);
