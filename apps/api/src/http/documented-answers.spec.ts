// What the server answers is what the OpenAPI document says of the operation; and /llms.txt, which is made from the document.
import { LIMITS, newId } from '@runyard/domain';
import type { Problem } from '@runyard/domain';
import { httpCall } from '@runyard/testing';
import type { HttpAnswer, HttpCall } from '@runyard/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const JSON_TYPE = { 'content-type': 'application/json' };
/** Wrong requests for any operation, with the answer that they get. */
const FAULTS: readonly (readonly [string, number, string, HttpCall, boolean])[] = [
  ['no key', 401, 'unauthorized', { headers: { authorization: undefined } }, false],
  ['a foreign Host', 403, 'forbidden', { headers: { host: 'evil.example' } }, false],
  ['a foreign Origin', 403, 'forbidden', { headers: { origin: 'http://evil.example' } }, false],
  ['broken JSON', 400, 'malformed_json', { body: '{', headers: JSON_TYPE }, true],
  ['too much', 413, 'payload_too_large', { body: Buffer.alloc(LIMITS.bodyBytes + 1, ' '), headers: JSON_TYPE }, true],
  ['another type', 415, 'unsupported_media_type', { body: 'x', headers: { 'content-type': 'text/plain' } }, true],
  ['a compressed body', 415, 'unsupported_media_type', { body: '{}', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } }, true],
];

let api: ApiStand['api'];
let call: ApiStand['call'];
let paths: Paths;

onApiStand((stand) => ({ api, call } = stand));
beforeAll(async () => {
  ({ paths } = (await call('/openapi.json')).json as { paths: Paths });
});

const operations = (below: RegExp): [string, string, Operation][] =>
  Object.entries(paths)
    .filter(([path]) => below.test(path))
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as [string, string, Operation]));

/** What the document says of the answer; the code of a problem has to be named. */
function isDocumented({ responses }: Operation, { status, json }: HttpAnswer): boolean {
  const description = responses[status]?.description;
  return description !== undefined && (status < 400 || description.includes(`\`${(json as Problem).code}\``));
}

describe('operations on runs and events', () => {
  test.each(FAULTS)('%s: %i %s, and the document says so', async (_what, status, code, { headers, body }, hasBody) => {
    const asked = operations(/^\/v1\/(runs|events)/).filter(([method]) => !hasBody || method !== 'GET');
    expect(asked.length).toBeGreaterThan(6);
    for (const [method, path, operation] of asked) {
      const answer = await call(path.replace('{id}', newId('run')), { method, body, headers });
      expect([method, path, answer.status, (answer.json as Problem).code, isDocumented(operation, answer)]).toEqual([method, path, status, code, true]);
    }
  });

  test('an unknown parameter, an unknown run, and what cannot be brought about here', async () => {
    for (const [method, path, operation] of operations(/^\/v1\/(runs|events)/)) {
      const answer = await call(`${path.replace('{id}', newId('run'))}?nothing=1`, { method });
      // A body that is missing is told before the parameter.
      expect([method, path, answer.status, isDocumented(operation, answer)]).toEqual([method, path, 400, true]);
      for (const code of ['internal', 'redis_unavailable', 'shutting_down']) expect(JSON.stringify(operation.responses)).toContain(`\`${code}\``);
      if (!path.includes('{id}')) continue;
      const body = { '/v1/runs/{id}/priority': { priority: 1 }, '/v1/runs/{id}/recover': { action: 'resume' } }[path];
      const unknown = await call(path.replace('{id}', newId('run')), { method, ...(body ? { body } : {}) });
      expect([method, path, unknown.status, isDocumented(operation, unknown)]).toEqual([method, path, 404, true]);
    }
  });

  test('it is said that an empty filter cancels everything, and what becomes of a key whose run is gone', () => {
    expect(paths['/v1/runs/cancel']?.['post']?.description).toMatch(/`{"filter":{}}` .*cancels them all/);
    expect(JSON.stringify(paths['/v1/runs']?.['post'])).toMatch(/A key whose run was deleted stays used/);
  });
});

describe('/llms.txt', () => {
  test('says what this is, how to get in, and every operation of the document', async () => {
    const { status, headers, text } = await call('/llms.txt');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(text).toMatch(/^# Runyard \d.*\n\n> A self-hosted run queue for Claude Code/);
    expect(text).toContain('Authorization: Bearer <key>');
    expect(text).toContain('(/openapi.json)');
    const all = operations(/./);
    expect(all.length).toBeGreaterThan(20);
    for (const [method, path, { summary }] of all) expect(text).toContain(`- \`${method} ${path}\`: ${summary}\n`);
    expect(text).not.toMatch(/undefined|\[object/);
  });

  test('has the guard of every other path, and knows one method', async () => {
    expect((await httpCall(api.url, '/llms.txt')).status).toBe(401);
    expect((await call('/llms.txt', { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await call('/llms.txt?x=1')).json).toMatchObject({ code: 'invalid_parameter', errors: [{ field: 'x' }] });
    const post = await call('/llms.txt', { method: 'POST' });
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await call('/llms.txt', { method: 'HEAD' })).status).toBe(200);
  });

  test('the request that it shows as an example works', async () => {
    const { text } = await call('/llms.txt');
    const body = /`(\{"prompt".*?\})`/.exec(text)?.[1] ?? '';
    const answer = await call('/v1/runs', { method: 'POST', body, headers: JSON_TYPE });
    expect(answer.status).toBe(201);
  });
});
