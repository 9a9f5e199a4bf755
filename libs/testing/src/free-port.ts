// A port that nobody listens on right now. Prefer port 0 where the program under test can report what it got.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems hand out for port 0 and outgoing connections: those of other tests would soon take it. `fetch` refuses none from here. */
const LOWEST = 10_240;
const BEYOND = 32_768;

/** A free TCP port on 127.0.0.1, at random. Another process may take it before you do. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, BEYOND);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
