// A real API process, and the command that talks to it.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { runCommand } from './program.js';

const API = new URL('../../api/dist/main.js', import.meta.url).pathname;
const KEY = 'key-for-specs-of-the-command';

export interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RealApi {
  /** One command, as `runyard <argv>` would do it. */
  runyard(...argv: string[]): Promise<Done>;
  /** The same with this on its standard input. */
  withInput(input: string, ...argv: string[]): Promise<Done>;
  /** What a command prints with `-o json`. */
  json<T>(...argv: string[]): Promise<T>;
  stop(): Promise<void>;
}

/** Starts the API, from its dist, on this Redis and below this directory. */
export async function realApi(redisUrl: string, dir: string): Promise<RealApi> {
  const env = { REDIS_URL: redisUrl, RUNYARD_PORT: '0', RUNYARD_DATA_DIR: `${dir}/data`, RUNYARD_API_KEY: KEY };
  const child = spawn(process.execPath, [API], { cwd: dir, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const url = await addressOf(child);
  const runyard = (...argv: string[]): Promise<Done> => give(argv, url);
  const withInput = (input: string, ...argv: string[]): Promise<Done> => give(argv, url, input);
  const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await runyard(...argv, '-o', 'json')).out) as T;
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { runyard, withInput, json, stop };
}

function addressOf(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    out += piece;
    const url = /"url":"(http:[^"]+)"/.exec(out)?.[1];
    if (url !== undefined) resolve(url);
  });
  child.once('exit', (code) => reject(new Error(`the API ended with ${code} before it listened: ${out}`)));
  return promise;
}

async function give(argv: readonly string[], url: string, input = ''): Promise<Done> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const context = { env: { RUNYARD_URL: url, RUNYARD_API_KEY: KEY }, cwd: '/', root: '/opt/runyard', stdin: Readable.from([Buffer.from(input)]), stdout, stderr, signals: new EventEmitter() };
  const [out, err] = [text(stdout), text(stderr)];
  const code = await runCommand([...argv], context, '1.2.3');
  for (const stream of [stdout, stderr]) stream.end();
  return { code, out: await out, err: await err };
}

async function text(stream: PassThrough): Promise<string> {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += String(chunk);
  return all;
}
