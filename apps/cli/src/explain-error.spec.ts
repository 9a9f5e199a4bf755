// What the user is told to do when nobody answers.
import { ServerUnreachable } from '@runyard/api-client';
import { expect, test } from 'vitest';
import type { Target } from './connection.js';
import { EXIT } from './exit-codes.js';
import { explainError } from './explain-error.js';

const root = '/opt/runyard';
const unreachable = new ServerUnreachable('http://127.0.0.1:8080', 'connection refused');
const target: Target = { url: unreachable.url, key: undefined, dataDir: '/data', urlFrom: 'default', keyFrom: 'nowhere', stackAlive: undefined };

test.each<[string, string, Partial<Target>, string]>([
  ['elsewhere', '/home/me', {}, `Start Runyard: npm start --prefix ${root}   (or set RUNYARD_URL to a server that runs)`],
  ['in the checkout', root, {}, 'Start Runyard: npm start   (or set RUNYARD_URL to a server that runs)'],
  ['after a stack', root, { urlFrom: 'server.json', stackAlive: false }, 'The local stack that was there is gone. Start Runyard: npm start   (or set RUNYARD_URL to a server that runs)'],
  ['beside a stack that starts', root, { urlFrom: 'server.json', stackAlive: true }, 'The local stack is starting or in trouble: look at the terminal where it runs.'],
  ['with an address of their own', root, { urlFrom: 'RUNYARD_URL' }, 'Check RUNYARD_URL and that the server runs.'],
])('no server, %s', (_, cwd, more, advice) => {
  const lines = ['Cannot reach http://127.0.0.1:8080: connection refused.', advice];
  expect(explainError(unreachable, { cwd, root, env: {} }, { ...target, ...more })).toEqual({ exitCode: EXIT.unreachable, lines });
});
