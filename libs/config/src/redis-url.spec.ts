// Redis addresses become connection options; anything else is refused.
import { expect, test } from 'vitest';
import { parseRedisUrl } from './redis-url.js';

test.each([
  ['redis://127.0.0.1', { host: '127.0.0.1', port: 6379 }],
  ['redis://cache:7000/3', { host: 'cache', port: 7000, db: 3 }],
  ['redis://[::1]:6380', { host: '::1', port: 6380 }],
  ['redis://me:p%40ss@cache', { host: 'cache', port: 6379, username: 'me', password: 'p@ss' }],
  ['redis://:only@cache/', { host: 'cache', port: 6379, password: 'only' }],
  ['rediss://cache', { host: 'cache', port: 6379, tls: {} }],
  ['unix:///run/redis.sock', { path: '/run/redis.sock' }],
  ['unix:///a%20b/redis.sock?db=2', { path: '/a b/redis.sock', db: 2 }],
  ['unix://me:secret@/run/redis.sock', null],
])('%s', (text, expected) => {
  expect(parseRedisUrl(text)).toEqual(expected);
});

test.each(['', 'cache:6379', 'http://cache', 'redis://', 'redis:///1', 'redis://cache/x', 'redis://cache/-1', 'unix://', 'unix:///', 'unix://host/run/s', 'redis://%zz@cache', '/run/redis.sock'])(
  'refuses "%s"',
  (text) => {
    expect(parseRedisUrl(text)).toBeNull();
  },
);
