// Nobody gets anywhere without the key: every route, every variant of a path, every Host and Origin.
import { httpCall, rawCall } from '@runyard/testing';
import type { HttpAnswer, HttpCall } from '@runyard/testing';
import { describe, expect, test } from 'vitest';
import { apiStand, KEY, loggerInto } from '../api-stand.fixture.js';

const BEARER = { authorization: `Bearer ${KEY}` };
const basic = (password: string): HttpCall['headers'] => ({ authorization: `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}` });

const log: string[] = [];

const stand = apiStand({ api: { logger: loggerInto(log, 'trace') }, settings: () => ({ allowedHosts: ['runyard.example', 'proxy.example:8443'] }) });

const call = (path: string, options: HttpCall = {}): Promise<HttpAnswer> => httpCall(stand.api.url, path, options);

describe('without a key', () => {
  test('every registered route answers 401, except the health checks', async () => {
    expect(stand.api.routes.length).toBeGreaterThan(30);
    for (const path of ['/v1/runs', '/v1/runs/:id/events', '/openapi.json', '/docs', '/docs/*', '/livez']) expect(stand.api.routes.map((route) => route.url)).toContain(path);
    const answers = await Promise.all(
      stand.api.routes.map(async ({ method, url }) => {
        const path = url.replace(':id', 'run_00000000000000000000000000').replace('*', 'swagger-ui.css');
        return [method, url, (await call(path, { method, ...(method === 'POST' ? { body: '{}' } : {}) })).status];
      }),
    );
    const open = ['/livez', '/readyz', '/healthz'];
    expect(answers.filter(([, , status]) => status !== 401)).toEqual(
      open.flatMap((url) => [['GET', url, 200], ['HEAD', url, 200]]).toSorted((a, b) => routeIndex(a) - routeIndex(b)),
    );
  });

  function routeIndex([method, url]: readonly (string | number)[]): number {
    return stand.api.routes.findIndex((route) => route.method === method && route.url === url);
  }

  test.each([
    '//v1/runs', '/v1//runs', '/v1/runs/', '/V1/RUNS', '/v1/runs?x=/livez', '/v1/runs#/livez', '/livez/../v1/runs', '/livez/%2e%2e/v1/runs', '/%76%31/runs', '/v1%2fruns', '/./v1/runs', '/v1/runs;/livez',
    '/livez/', '/livez/x', '//livez', '/LIVEZ', '/livez%20', '/livez%00', '/livez;', '/docs/../v1/runs', '/docs/%2e%2e/livez', '/docs/..%2f..%2fpackage.json', '/docs/swagger-ui.css', '/docs//', '/metrics', '/queues', '/queues/api/queues', '/', '/favicon.ico', '*', '/nothing',
    `/v1/runs/${'x'.repeat(400)}`,
  ])('GET %s is refused', async (path) => {
    const answer = await call(path);
    expect(answer.status).toBe(401);
    expect(answer.json).toMatchObject({ code: 'unauthorized' });
  });

  test('an absolute request target is no way around', async () => {
    expect((await call(`${stand.api.url}/v1/runs`)).status).toBe(401);
    expect((await call('http://localhost/livez/../v1/runs')).status).toBe(401);
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'])('%s is refused', async (method) => {
    expect((await call('/v1/runs', { method })).status).toBe(401);
    expect((await call('/nothing', { method })).status).toBe(401);
  });

  test('the body is not even read', async () => {
    expect((await call('/v1/runs', { body: '{broken' })).status).toBe(401);
    expect((await call('/v1/runs', { body: 'x', headers: { 'content-type': 'text/plain' } })).status).toBe(401);
  });

  test('the challenge is Bearer, and Basic where only a browser can ask', async () => {
    expect((await call('/v1/runs')).headers['www-authenticate']).toMatch(/^Bearer /);
    expect((await call('/openapi.json')).headers['www-authenticate']).toMatch(/^Bearer /);
    for (const path of ['/docs', '/docs/', '/docs/swagger-ui.css', '/docs/errors']) expect((await call(path)).headers['www-authenticate']).toMatch(/^Basic /);
  });

  test('who asks for / is told where people look and how they get the key, the same with and without it', async () => {
    const [without, withKey] = [await call('/'), await call('/?x=1', { headers: BEARER })];
    expect([without.status, withKey.status]).toEqual([401, 404]);
    for (const { json } of [without, withKey]) expect(json).toMatchObject({ detail: expect.stringMatching(/\/queues .*\/docs .*`runyard key`.*docker compose exec api runyard key/) });
    for (const path of ['//', '/nothing', '/v1/runs']) expect((await call(path)).json).toMatchObject({ detail: 'Send Authorization: Bearer <key>.' });
  });

  test('health says nothing but that it is well', async () => {
    for (const path of ['/livez', '/healthz', '/readyz']) expect((await call(path)).json).toEqual({ status: 'ok' });
  });
});

describe('keys', () => {
  test.each([
    ['', 401], ['Bearer', 401], ['Bearer ', 401], [`Bearer ${KEY}x`, 401], [`Bearer ${KEY.slice(0, -1)}`, 401], [`Bearer ${KEY.toUpperCase()}`, 401], [KEY, 401], [`Token ${KEY}`, 401], [`Bearer ${KEY} ${KEY}`, 401],
    [`Bearer  ${KEY}`, 200], [`bearer ${KEY}`, 200], [`BEARER ${KEY}`, 200],
  ])('Authorization: %j answers %i', async (authorization, status) => {
    expect((await call('/v1/runs', { headers: { authorization } })).status).toBe(status);
  });

  test('a key in the query or in another header does not count', async () => {
    expect((await call(`/v1/runs?key=${KEY}&access_token=${KEY}`)).status).toBe(401);
    expect((await call('/v1/runs', { headers: { 'x-api-key': KEY, cookie: `key=${KEY}` } })).status).toBe(401);
  });

  test('Basic with the key as password opens /docs and what is below, and nothing else', async () => {
    for (const path of ['/docs', '/docs/', '/docs/swagger-ui.css', '/docs/swagger-ui-init.js', '/docs/errors']) {
      expect((await call(path, { headers: basic(KEY) })).status, path).toBe(200);
      expect((await call(path, { headers: BEARER })).status, path).toBe(200);
      expect((await call(path, { headers: basic('wrong-password-1') })).status, path).toBe(401);
    }
    for (const path of ['/v1/runs', '/v1/status', '/openapi.json', '/docsx', '/nothing']) expect((await call(path, { headers: basic(KEY) })).status, path).toBe(401);
    for (const authorization of ['Basic', 'Basic !!!', `Basic ${Buffer.from(KEY).toString('base64')}`]) expect((await call('/docs', { headers: { authorization } })).status).toBe(401);
  });

  test('no key reaches the log', () => {
    const written = log.join('');
    expect(written).toContain('GET /v1/runs 401');
    expect(written).not.toMatch(/"headers"|authorization/i);
    expect(written).not.toContain(basic(KEY)?.['authorization']);
    expect(written.replaceAll(/\?key=[^"]*/g, '')).not.toContain(KEY);
  });
});

describe('hosts and origins', () => {
  const own = (): string => new URL(stand.api.url).host;

  test.each([
    ['localhost', 200], ['localhost:1234', 200], ['LocalHost', 200], ['127.0.0.1', 200], ['127.0.0.1:80', 200], ['[::1]:8080', 200], ['runyard.example', 200], ['runyard.example:444', 200], ['proxy.example:8443', 200],
    ['proxy.example', 403], ['proxy.example:80', 403], ['evil.example', 403], ['localhost.evil.example', 403], ['localhost@evil.example', 403], ['evil.example#localhost', 403], ['127.0.0.1.evil.example', 403], ['127.0.0.2', 403],
    ['localhost:', 403], ['localhost:port', 403], ['localhost, evil.example', 403], ['xlocalhost', 403], ['[::2]', 403],
  ])('Host: %j answers %i', async (host, status) => {
    const answer = await call('/v1/runs', { headers: { ...BEARER, host } });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.json).toMatchObject({ code: 'forbidden', errors: [{ field: 'Host' }] });
  });

  test.each([
    ['two Host headers', 'HTTP/1.1\r\nHost: localhost\r\nHost: evil.example'],
    ['no Host header', 'HTTP/1.1'],
    ['no Host header in HTTP/1.0', 'HTTP/1.0'],
    ['an empty Host header', 'HTTP/1.1\r\nHost:'],
  ])('%s: refused', async (_what, head) => {
    const answer = await rawCall(stand.api.url, `GET /v1/runs ${head}\r\nAuthorization: Bearer ${KEY}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 403 /);
    expect(answer).toContain('application/problem+json');
  });

  test.each([
    ['http://localhost:3000', 200], ['https://runyard.example', 200], ['http://127.0.0.1', 200],
    ['http://evil.example', 403], ['https://localhost.evil.example', 403], ['null', 403], ['file://', 403], ['chrome-extension://abc', 403], ['localhost', 403], ['http://localhost/path', 403], ['http://localhost@evil.example', 403],
  ])('Origin: %s answers %i', async (origin, status) => {
    for (const path of ['/v1/runs', '/docs', '/openapi.json']) {
      const answer = await call(path, { headers: { ...BEARER, origin } });
      expect(answer.status, path).toBe(status);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
    const created = await call('/v1/runs', { body: { prompt: 'x' }, headers: { ...BEARER, origin } });
    expect(created.status).toBe(status === 200 ? 201 : 403);
  });

  test('probes may come by any name', async () => {
    for (const path of ['/livez', '/readyz']) expect((await call(path, { headers: { host: '10.1.2.3:8080' } })).status).toBe(200);
  });

  test('the own address works', async () => {
    expect((await call('/v1/runs', { headers: { ...BEARER, host: own(), origin: `http://${own()}` } })).status).toBe(200);
  });
});

describe('every answer', () => {
  test.each([['/v1/runs', BEARER], ['/v1/runs', {}], ['/docs', BEARER], ['/livez', {}], ['/nothing', BEARER]])('%s has an id and safe headers', async (path, headers) => {
    const given = await call(path, { headers: { ...headers, 'x-request-id': 'trace-1.2:3_4' } });
    expect(given.headers['x-request-id']).toBe('trace-1.2:3_4');
    expect(given.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': expect.stringContaining("default-src 'none'") });
    expect(given.headers).not.toHaveProperty('x-powered-by');
    expect(given.headers).not.toHaveProperty('strict-transport-security');
  });

  test.each(['', 'a b', 'x'.repeat(129), 'a"b', 'é', '{}'])('an unusable X-Request-Id %j is replaced', async (id) => {
    const answer = await call('/nothing', { headers: { ...BEARER, 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-z]{26}$/);
    expect(answer.json).toMatchObject({ request_id: answer.headers['x-request-id'] });
  });

  test('the page at /docs needs nothing from elsewhere and no inline script', async () => {
    const { text } = await call('/docs', { headers: BEARER });
    expect(text).not.toMatch(/(src|href)=["']?(https?:)?\/\//);
    expect(text).not.toMatch(/<script>/);
    for (const [, path = ''] of text.matchAll(/(?:src|href)=["'](\.[^"']+)/g)) expect((await call(`/${path.slice(2)}`, { headers: BEARER })).status, path).toBe(200);
  });
});
