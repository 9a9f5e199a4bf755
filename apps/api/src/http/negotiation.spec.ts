// Headers by which a client says what it would like.
import { expect, test } from 'vitest';
import { preferredType } from './accept.js';
import { entityTag, tagMatches } from './etag.js';
import { waitSeconds } from './prefer.js';
import { allowedMethods } from './route-table.js';

const OFFERS = ['application/json', 'text/event-stream', 'application/x-ndjson'] as const;

test.each([
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['application/*', 'application/json'],
  ['text/event-stream', 'text/event-stream'],
  ['Text/Event-Stream; charset=utf-8', 'text/event-stream'],
  ['text/*', 'text/event-stream'],
  ['application/x-ndjson', 'application/x-ndjson'],
  ['application/json, text/event-stream', 'application/json'],
  ['text/event-stream, application/json;q=0.9', 'text/event-stream'],
  ['application/json;q=0.1, */*', 'text/event-stream'],
  ['application/json;q=0, */*;q=0.1', 'text/event-stream'],
  ['text/html, */*;q=0.8', 'application/json'],
  ['text/html', undefined],
  ['application/json;q=0', undefined],
  ['application/json;q=high', undefined],
  [',;,', undefined],
])('Accept: %s gets %s', (accept, expected) => {
  expect(preferredType(accept, OFFERS)).toBe(expected);
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['respond-async', undefined],
  ['wait=0', 0],
  ['wait=10', 10],
  ['wait="10"', 10],
  ['WAIT = 7 ; x=y', 7],
  ['return=minimal, wait=5', 5],
  ['wait=61', 60],
  ['wait=999999', 60],
  [['return=minimal', 'wait=3'], 3],
])('Prefer: %s waits %s seconds', (prefer, expected) => {
  expect(waitSeconds(prefer)).toBe(expected);
});

test.each(['wait', 'wait=', 'wait=a', 'wait=1.5', 'wait=-1', 'wait=99999999999'])('Prefer: %s is refused', (prefer) => {
  expect(() => waitSeconds(prefer)).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
});

test('a tag names one body', () => {
  const tag = entityTag('{"a":1}');
  expect(entityTag('{"a":1}')).toBe(tag);
  expect(entityTag('{"a":2}')).not.toBe(tag);
  for (const header of [tag, ` ${tag} `, `W/${tag}`, `"x",${tag}`, '*']) expect(tagMatches(header, tag), header).toBe(true);
  for (const header of [undefined, '', '"x"', tag.slice(1), `${tag}x`]) expect(tagMatches(header, tag), header).toBe(false);
});

test('methods of a path, whatever its parameters are', () => {
  const routes = [
    { method: 'GET', url: '/a' }, { method: 'POST', url: '/a' }, { method: 'GET', url: '/a/:id' }, { method: 'PUT', url: '/a/:id/b' }, { method: 'GET', url: '/s/*' }, { method: 'GET', url: '/a.b' },
  ];
  const methods = (url: string): string => allowedMethods(routes, url).join();
  expect(methods('/a')).toBe('GET,POST');
  expect(methods('/a?x=/a/1/b')).toBe('GET,POST');
  expect(methods('/a/1')).toBe('GET');
  expect(methods('/a/1/b')).toBe('PUT');
  expect(methods('/s/x/y.css')).toBe('GET');
  for (const url of ['/', '/a/', '/a/1/', '/a/1/b/c', '/b', '/axb', '']) expect(methods(url), url).toBe('');
});
