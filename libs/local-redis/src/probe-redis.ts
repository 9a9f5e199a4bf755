// Asks who answers on a Unix socket, in the few words of the Redis protocol that this takes.
import { connect } from 'node:net';

/** `absent`: nobody listens · `busy`: somebody does, but cannot serve yet · `ready`: a server with this process id. */
export type ProbeResult = { readonly state: 'absent' } | { readonly state: 'busy' } | { readonly state: 'ready'; readonly pid: number };

/** Connects, sends INFO and reads the process id. Waits at most `timeoutMs` for the answer. */
export function probeRedis(socketPath: string, timeoutMs = 2_000): Promise<ProbeResult> {
  return new Promise((done) => {
    const socket = connect(socketPath);
    let reply = '';
    let connected = false;
    const finish = (): void => {
      socket.destroy();
      const pid = /^process_id:(\d+)/m.exec(reply)?.[1];
      const loading = /^loading:1/m.test(reply);
      if (pid !== undefined && !loading) done({ state: 'ready', pid: Number(pid) });
      else done({ state: connected ? 'busy' : 'absent' });
    };
    socket.setTimeout(timeoutMs, finish);
    socket.once('connect', () => {
      connected = true;
      socket.write('INFO server\r\nINFO persistence\r\nQUIT\r\n');
    });
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1');
    });
    socket.once('error', finish);
    socket.once('close', finish);
  });
}
