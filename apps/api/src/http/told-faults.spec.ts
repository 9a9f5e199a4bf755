// What is wrong is told in words that help: the field that was meant, a limit that is true, an example of the right form.
import { CREATE_RUN_NOT_AVAILABLE, newId, WORKSPACE_TYPES_NOT_AVAILABLE } from '@runyard/domain';
import type { FieldError, Problem } from '@runyard/domain';
import { rawCall } from '@runyard/testing';
import type { HttpAnswer, HttpCall } from '@runyard/testing';
import { describe, expect, test } from 'vitest';
import { KEY, onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

let api: ApiStand['api'];
let call: ApiStand['call'];

onApiStand((stand) => ({ api, call } = stand));

const post = (path: string, body: unknown, headers?: HttpCall['headers']): Promise<HttpAnswer> => call(path, { method: 'POST', body, headers });
const put = (fields: object): Promise<HttpAnswer> => call('/v1/schedules/sch_told', { method: 'PUT', body: { cron: '0 9 * * *', run: { prompt: 'x' }, ...fields } });
const told = ({ status, json }: HttpAnswer): [number, string, FieldError[]] => [status, (json as Problem).code, (json as Problem).errors ?? []];

describe('what is not built yet is told as such', () => {
  test.each([...CREATE_RUN_NOT_AVAILABLE])('run.%s of a schedule', async (field) => {
    expect(told(await put({ run: { prompt: 'x', [field]: 'y' } }))).toEqual([422, 'not_available', [{ field: `run.${field}`, message: 'is not available in this version: leave it out' }]]);
  });

  test.each([...WORKSPACE_TYPES_NOT_AVAILABLE])('the workspace %s of a schedule', async (type) => {
    const answer = await put({ run: { prompt: 'x', workspace: { type, url: 'https://example.org/a.git' } } });
    expect(told(answer)).toEqual([422, 'not_available', [{ field: 'run.workspace.type', message: 'is not available in this version: use scratch or directory' }]]);
  });

  test('the filter profile of a bulk cancel', async () => {
    expect(told(await post('/v1/runs/cancel', { filter: { profile: 'x' } }))).toEqual([422, 'not_available', [{ field: 'filter.profile', message: 'is not available in this version: leave it out' }]]);
  });

  test('but not where it would never be known, nor beside another fault', async () => {
    expect(told(await put({ profile: 'x' }))).toEqual([422, 'invalid_request', [{ field: 'profile', message: 'is not known: remove it or correct its name' }]]);
    expect(told(await put({ run: { profile: 'x', prompt: '' } }))[1]).toBe('invalid_request');
    expect(told(await put({ run: { prompt: 'x', metadata: { profile: 1 } } }))).toEqual([422, 'invalid_request', [{ field: 'run.metadata.profile', message: 'must be a text, not 1' }]]);
  });
});

describe('of two shapes, the one that was meant speaks', () => {
  const both = { field: 'body', message: 'needs one of: ids, filter' };
  const unknown = (field: string): FieldError => ({ field, message: 'is not known: remove it or correct its name' });
  test.each<[string, unknown, FieldError[]]>([
    ['an unknown status', { filter: { status: 'nope' } }, [{ field: 'filter.status', message: expect.stringMatching(/^must be one of: queued, /) as string }]],
    ['an unknown filter', { filter: { colour: 'red' } }, [unknown('filter.colour')]],
    ['no object as filter', { filter: 5 }, [{ field: 'filter', message: 'must be an object, not 5' }]],
    ['a wrong id', { ids: ['x'] }, [{ field: 'ids[0]', message: 'must be an id that begins with run_' }]],
    ['a filter and something unknown', { filter: {}, force: true }, [unknown('force')]],
    ['only something unknown', { tag: 'x' }, [both, unknown('tag')]],
    ['nothing', {}, [both]],
    ['both', { ids: [newId('run')], filter: {} }, [{ field: 'body', message: 'must have only one of: ids, filter' }]],
    ['a list', [], [{ field: 'body', message: 'must be an object, not a list' }]],
    ['null', null, [{ field: 'body', message: 'must be an object, not null' }]],
  ])('cancel with %s', async (_what, body, errors) => {
    expect(told(await post('/v1/runs/cancel', body))).toEqual([422, 'invalid_request', errors]);
  });
});

describe('forms and limits', () => {
  const EXAMPLE = 'must be a time such as 2030-01-31T09:30:00Z';
  test.each<[object, string, string]>([
    [{ run_at: 'tomorrow' }, 'run_at', EXAMPLE],
    [{ run_at: '2030-02-30T00:00:00Z' }, 'run_at', EXAMPLE],
    [{ max_turns: 1e20 }, 'max_turns', 'must be at most 10000'],
    [{ priority: -1e20 }, 'priority', 'must be at least -10'],
    [{ metadata: { '': 'x' } }, 'metadata.', 'must not be empty'],
    [{ prompt: [{ type: 'text', text: 'x' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: '%' } }] }, 'prompt[1].source.data', 'must be base64'],
  ])('POST /v1/runs %j', async (fields, field, message) => {
    expect(told(await post('/v1/runs', { prompt: 'x', ...fields }))[2]).toEqual([{ field, message }]);
  });

  test.each<[string, string, string]>([
    ['/v1/runs?limit=', 'limit', 'must be a number, not empty'],
    ['/v1/runs?limit=ten', 'limit', 'must be a number'],
    ['/v1/runs?limit=1.5', 'limit', 'must be a whole number'],
    ['/v1/runs?limit=1e20', 'limit', 'must be at most 100'],
    ['/v1/runs?limit=1&limit=2', 'limit', 'must be given once'],
    ['/v1/runs?tag=a&tag=b', 'tag', 'must be given once'],
    ['/v1/runs?created_after=yesterday', 'created_after', EXAMPLE],
    ['/v1/runs?page=', 'page', 'must be next_page of an earlier answer'],
    ['/v1/runs?tag=', 'tag', 'must not be empty'],
    ['/v1/schedules?limit=', 'limit', 'must be a number, not empty'],
  ])('GET %s', async (path, field, message) => {
    expect(told(await call(path))).toEqual([400, 'invalid_parameter', [{ field, message }]]);
  });

  test('a schedule: the longest interval, and zones by their names only', async () => {
    expect(told(await put({ cron: undefined, every_seconds: 1e20 }))[2]).toEqual([{ field: 'every_seconds', message: 'must be at most 31622400' }]);
    for (const timezone of ['+05:30', '-0800', '+01', '-00:00']) {
      expect(told(await put({ timezone }))[2]).toEqual([{ field: 'timezone', message: 'must be a time zone of the IANA database, such as Europe/Berlin or UTC' }]);
    }
    for (const timezone of ['Asia/Kolkata', 'UTC', 'Etc/GMT+5']) expect((await put({ timezone })).status).toBeLessThan(300);
  });
});

describe('run_at', () => {
  const inYears = (years: number): string => new Date(Date.now() + years * 366 * 86_400_000).toISOString();
  const cancel = async (answer: HttpAnswer): Promise<unknown> => post(`/v1/runs/${(answer.json as { id: string }).id}/cancel`, undefined);

  test.each(['9999-12-31T23:59:59-05:00', '9999-12-31T23:59:59Z', '2999-01-01T00:00:00Z', inYears(11)])('%s is too far away', async (run_at) => {
    expect(told(await post('/v1/runs', { prompt: 'x', run_at }))).toEqual([422, 'invalid_request', [{ field: 'run_at', message: 'must be at most ten years from now' }]]);
  });

  test('a time before the year 0 of UTC cannot be written down', async () => {
    expect(told(await post('/v1/runs', { prompt: 'x', run_at: '0000-01-01T00:00:00+01:00' }))[2]).toEqual([{ field: 'run_at', message: 'must be in the year 0000 or later, in UTC' }]);
  });

  test.each(['0000-01-01T00:00:00Z', '1969-12-31T23:59:59+14:00', inYears(9)])('%s is taken, and told as RFC 3339', async (run_at) => {
    const answer = await post('/v1/runs', { prompt: 'x', run_at });
    expect([answer.status, answer.json]).toMatchObject([201, { run_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), queued_reason: Date.parse(run_at) > Date.now() ? 'run_at' : 'capacity' }]);
    await cancel(answer);
  });
});

describe('bodies in another coding', () => {
  const BODY = '{"prompt":"x"}';
  test.each(['gzip', 'br', 'deflate', 'gzip, identity', 'GZIP'])('Content-Encoding: %s', async (encoding) => {
    const answer = await post('/v1/runs', BODY, { 'content-type': 'application/json', 'content-encoding': encoding });
    expect(told(answer)).toEqual([415, 'unsupported_media_type', [{ field: 'Content-Encoding', message: 'must be left out: send the body as it is' }]]);
  });

  test.each(['latin1', 'utf-16', 'iso-8859-1', '"utf-16le"', 'utf-7', "''"])('charset=%s', async (charset) => {
    const answer = await post('/v1/runs', BODY, { 'content-type': `application/json; charset=${charset}` });
    expect(told(answer)).toEqual([415, 'unsupported_media_type', [{ field: 'Content-Type', message: 'must have no charset but utf-8: send the body in UTF-8' }]]);
  });

  test.each([
    ['application/json; charset=UTF-8', undefined], ['application/json;charset="utf-8"', undefined], ['application/json; Charset=utf8; x=y', undefined],
    ['application/json', 'identity'], ['application/json', ''],
  ])('%s with Content-Encoding %j is taken', async (type, encoding) => {
    const answer = await post('/v1/runs', BODY, { 'content-type': type, 'content-encoding': encoding });
    expect(answer.status).toBe(201);
  });
});

describe('the details of health', () => {
  const ask = (path: string, headers: HttpCall['headers']): Promise<HttpAnswer> => call(path, { headers });
  test.each([['Host', { host: 'evil.example' }], ['Origin', { origin: 'http://evil.example' }]])('are not told to a foreign %s', async (field, headers) => {
    for (const path of ['/readyz?verbose', '/readyz?x=1&verbose=1', '/readyz?%76erbose']) {
      const answer = await ask(path, headers);
      expect(told(answer)).toEqual([403, 'forbidden', [{ field, message: expect.stringMatching(/RUNYARD_ALLOWED_HOSTS/) as string }]]);
    }
  });

  test.each(['HTTP/1.1\r\nHost: localhost\r\nHost: evil.example', 'HTTP/1.1', 'HTTP/1.1\r\nHost:'])('nor below %j', async (head) => {
    expect(await rawCall(api.url, `GET /readyz?verbose ${head}\r\nAuthorization: Bearer ${KEY}\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 403 /);
  });

  test('probes come by any name, and those with the right one get the details', async () => {
    for (const path of ['/livez', '/readyz', '/healthz', '/livez?verbose']) expect((await ask(path, { host: '10.1.2.3:8080', origin: 'http://x' })).json).toEqual({ status: 'ok' });
    expect((await ask('/readyz?verbose', { host: 'localhost' })).json).toHaveProperty('checks');
  });
});
