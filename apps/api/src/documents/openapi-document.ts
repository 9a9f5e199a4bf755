// The OpenAPI 3.1 document, made from the controllers and the zod schemas.
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { EventList, Problem, RetryRun, RunEvent } from '@runyard/domain';
import { z } from 'zod';

/** Schemas that responses name by reference only. */
const NAMED = [EventList, Problem, RetryRun, RunEvent];
const COMPONENTS = '#/components/schemas/';

/** What the API of this version can do: unbuilt paths and fields are not in it. */
export function openApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Runyard')
    .setDescription('A self-hosted run queue for Claude Code. JSON in snake_case, times in RFC 3339 UTC, errors as RFC 9457 problem documents. Only additive changes under /v1.')
    .setVersion(version)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The API key.' }, 'key')
    .addSecurityRequirements('key')
    .addTag('runs', 'What Claude Code is asked to do.')
    .addTag('schedules', 'Rules that make runs by themselves.')
    .addTag('operations', 'Workers and the service.')
    .addTag('health', 'Open without a key.')
    .build();
  const document = SwaggerModule.createDocument(app, config, { standardSchemaConverter: convert, autoTagControllers: false });
  const schemas = { ...document.components?.schemas };
  for (const schema of NAMED) Object.assign(schemas, convert(schema)?.components);
  const sorted = Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...document, components: { ...document.components, schemas: sorted } };
}

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** Input form for all: what is read today may grow tomorrow, so answers do not forbid further properties. */
function convert(schema: unknown): { schema: object; components: Schemas } | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  const text = JSON.stringify(z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }));
  const { $schema: _dialect, $defs = {}, ...root } = JSON.parse(text.replaceAll('"#/$defs/', `"${COMPONENTS}`)) as z.core.JSONSchema.JSONSchema;
  const name = typeof root.$ref === 'string' ? root.$ref.replace(COMPONENTS, '') : undefined;
  const { [name ?? '']: own, ...others } = $defs;
  // Parameters are listed one by one, so the object that holds them is no component.
  if (name?.endsWith('Query')) return { schema: own ?? root, components: others as Schemas };
  return { schema: root, components: $defs as Schemas };
}

