// A port that nobody listens on right now. Prefer port 0 where the program under test can report what it got.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Asks the system for a free TCP port on 127.0.0.1. Another process may take it before you do. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}
