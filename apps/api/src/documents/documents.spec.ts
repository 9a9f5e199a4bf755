// The committed documents are those that the schemas make, and the OpenAPI document says what the server does.
import { readFile } from 'node:fs/promises';
import { CREATE_RUN_NOT_AVAILABLE, CreateRun, FAILURE_KINDS, LIST_RUNS_NOT_AVAILABLE, PROBLEM_KINDS, Run, WORKSPACE_TYPES_NOT_AVAILABLE } from '@runyard/domain';
import { createLogger } from '@runyard/telemetry';
import { temporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi } from '../start-api.js';
import { allDocuments } from './all-documents.js';

interface Operation {
  readonly operationId: string;
  readonly security?: object[];
  readonly parameters?: { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { schema: object }> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, { schema: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly security: object[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, { properties?: Record<string, unknown>; required?: string[]; additionalProperties?: unknown }> };
}

let documents: Record<string, string>;
let openapi: Document;

beforeAll(async () => {
  documents = await allDocuments();
  openapi = JSON.parse(documents['openapi.json'] ?? '') as Document;
});

const operations = (): [string, string, Operation][] =>
  Object.entries(openapi.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as [string, string, Operation]));

test.each(['openapi.json', 'errors.md', 'events.md', 'configuration.md'])('docs/%s is up to date; if not: npm run build && npm run docs', async (name) => {
  expect(documents[name]).toBe(await readFile(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8'));
});

test('every reference leads somewhere, and every schema is used', () => {
  const text = documents['openapi.json'] ?? '';
  const used = new Set([...text.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? ''));
  expect([...used].toSorted()).toEqual(Object.keys(openapi.components.schemas));
  expect(text).not.toMatch(/\$defs|"~standard"|"def":/);
});

test('the paths are the routes of the server, no more and no fewer', async () => {
  const dir = await temporaryDirectory();
  const settings = { host: '127.0.0.1', port: 0, dataDir: dir.path, redisUrl: 'redis://127.0.0.1:1', workspaceRoots: [], allowedHosts: [] };
  const api = await startApi({ settings, key: 'k'.repeat(16), logger: createLogger({ name: 'api', level: 'silent' }), demo: false, runsAsRoot: false });
  afterAll(() => dir.remove());
  const served = api.routes.filter(({ method, url }) => method !== 'HEAD' && !/^\/(docs|openapi|queues|llms\.txt)/.test(url)).map(({ method, url }) => `${method} ${url.replace(':id', '{id}')}`);
  await api.close();
  expect(operations().map(([method, path]) => `${method} ${path}`).toSorted()).toEqual(served.toSorted());
});

test('it is OpenAPI 3.1, needs the key everywhere but for health, and gives each operation a name of its own', () => {
  expect(openapi.openapi).toBe('3.1.0');
  expect(openapi.security).toEqual([{ key: [] }]);
  const open = operations().filter(([, , operation]) => operation.security !== undefined);
  expect(open.map(([, path, operation]) => [path, operation.security])).toEqual(['/livez', '/healthz', '/readyz'].map((path) => [path, [{}]]));
  const names = operations().map(([, , operation]) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
});

test('the create body, its headers and its answers', () => {
  const create = openapi.paths['/v1/runs']?.['post'];
  expect(create?.requestBody?.content).toEqual({ 'application/json': { schema: { $ref: '#/components/schemas/CreateRun' } } });
  expect(create?.parameters?.map((parameter) => [parameter.in, parameter.name, parameter.required])).toEqual([
    ['header', 'Prefer', false], ['header', 'Idempotency-Key', false], ['header', 'X-Runyard-Client', false],
  ]);
  expect(Object.keys(create?.responses ?? {})).toEqual(['201', '400', '401', '403', '413', '415', '422', '500', '503']);
  expect(create?.responses['201']?.content).toEqual({ 'application/json': { schema: { $ref: '#/components/schemas/Run' } } });
  const { properties = {}, required, additionalProperties } = openapi.components.schemas['CreateRun'] ?? {};
  expect(Object.keys(properties)).toEqual(Object.keys(CreateRun.shape));
  expect([required, additionalProperties]).toEqual([['prompt'], false]);
  expect(Object.keys(openapi.components.schemas['Run']?.properties ?? {})).toEqual(Object.keys(Run.shape));
});

test('every error is a problem document', () => {
  for (const [method, path, operation] of operations()) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (Number(status) >= 400) expect(response.content, `${method} ${path} ${status}`).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } });
      expect(response.description).not.toBe('');
    }
  }
});

test('query parameters stand one by one and are optional', () => {
  const queryOf = (path: string): string[] => (openapi.paths[path]?.['get']?.parameters ?? []).filter((parameter) => parameter.in === 'query' && !parameter.required).map((parameter) => parameter.name);
  expect(queryOf('/v1/runs')).toEqual(['limit', 'page', 'status', 'session_id', 'schedule_id', 'tag', 'trigger', 'created_after', 'created_before']);
  expect(queryOf('/v1/runs/{id}/events')).toEqual(['after', 'deltas', 'limit', 'page']);
});

test('what is not built is not promised', () => {
  const text = documents['openapi.json'] ?? '';
  for (const field of CREATE_RUN_NOT_AVAILABLE) expect(Object.keys(openapi.components.schemas['CreateRun']?.properties ?? {})).not.toContain(field);
  for (const name of LIST_RUNS_NOT_AVAILABLE) expect(openapi.paths['/v1/runs']?.['get']?.parameters?.map((parameter) => parameter.name)).not.toContain(name);
  for (const type of WORKSPACE_TYPES_NOT_AVAILABLE) expect(text).not.toContain(`"${type}"`);
});

test('the pages name every code', () => {
  for (const code of [...Object.keys(PROBLEM_KINDS), ...Object.keys(FAILURE_KINDS)]) expect(documents['errors.md']).toContain(`\`${code}\``);
  expect(documents['configuration.md']).toContain('`RUNYARD_DATA_DIR`');
  expect(documents['events.md']).toContain('`run.finished`');
});
