// What must be right before anything is started: the data directory, the ports, and that nobody else is here.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { prepareDataDir } from '@runyard/config';
import { EXIT, Refusal } from '../exit-codes.js';

/** Makes the data directory, mode 0700. @throws Refusal when it cannot be made or written */
export async function demandDataDir(dataDir: string): Promise<void> {
  const code = await prepareDataDir(dataDir);
  if (code === null) return;
  throw new Refusal(EXIT.failed, `The data directory ${dataDir} cannot be used (${code}).`, 'Make it writable for this user, or set RUNYARD_DATA_DIR to another directory.');
}

/** A port that can be listened on: `port` itself, or any free one when it is 0. @throws Refusal naming `setting` */
export async function reservePort(host: string, port: number, setting: 'RUNYARD_PORT' | 'RUNYARD_WORKER_PORT'): Promise<number> {
  try {
    return await tryPort(host, port);
  } catch (error) {
    throw portRefusal(codeOf(error), host, port, setting);
  }
}

/** The same, but any other free port will do. @throws Refusal when none can be had */
export async function preferPort(host: string, port: number, setting: 'RUNYARD_WORKER_PORT'): Promise<number> {
  return tryPort(host, port).catch(() => reservePort(host, 0, setting));
}

async function tryPort(host: string, port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const taken = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  return taken;
}

function portRefusal(code: string, host: string, port: number, setting: string): Refusal {
  const hostSetting = setting.replace('PORT', 'HOST');
  if (code === 'EADDRINUSE') {
    return new Refusal(EXIT.failed, `Port ${port} of ${host} is in use by another program.`, `Stop that program, or take another port: ${setting}=${port + 10} npm start`);
  }
  if (code === 'EACCES') return new Refusal(EXIT.failed, `Port ${port} is not for ordinary users.`, `Set ${setting} to a port above 1023.`);
  return new Refusal(EXIT.failed, `Nobody can listen on ${host} (${code}).`, `Set ${hostSetting} to an address of this machine, such as 127.0.0.1.`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
