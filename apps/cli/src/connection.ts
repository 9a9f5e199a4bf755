// Address and key of the API: from the environment, else from the data directory of the local stack.
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '@runyard/api-client';
import { cliSettings } from '@runyard/config';
import type { Context } from './context.js';
import { findDataDir } from './data-dir.js';
import { EXIT, Refusal } from './exit-codes.js';
import { adminKeyPath, isAlive, readPrivateFile, readServerFile } from './server-file.js';

export interface Target {
  readonly url: string;
  readonly key: string | undefined;
  readonly dataDir: string;
  /** Where the address comes from: the variable, the file, or nothing but the default. */
  readonly urlFrom: 'RUNYARD_URL' | 'server.json' | 'default';
  readonly keyFrom: 'RUNYARD_API_KEY' | 'admin.key' | 'nowhere';
  /** Whether the `runyard up` that wrote server.json is there; undefined when there is no such file. */
  readonly stackAlive: boolean | undefined;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
const LOCAL_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);
// A stack that is starting answers a moment later; one that is not there never does.
const PATIENCE_MS = 2_000;
const PATIENCE_WITH_STACK_MS = 20_000;
const KEY_EVERY_MS = 100;

/** Finds address and key. @throws SettingsError; Refusal when server.json points to another machine */
export async function findTarget({ env, cwd, root }: Pick<Context, 'env' | 'cwd' | 'root'>): Promise<Target> {
  const settings = cliSettings(env);
  const dataDir = settings.dataDir ?? findDataDir(cwd, root);
  const server = await readServerFile(dataDir);
  const stackAlive = server && isAlive(server.pid);
  const key = settings.apiKey ?? (await readKey(dataDir, stackAlive ? PATIENCE_WITH_STACK_MS : 0));
  const found = {
    key: key === '' ? undefined : key,
    dataDir,
    keyFrom: settings.apiKey !== undefined ? 'RUNYARD_API_KEY' : key ? 'admin.key' : 'nowhere',
    stackAlive,
  } as const;
  if (settings.url !== undefined) return { ...found, url: settings.url, urlFrom: 'RUNYARD_URL' };
  if (!server) return { ...found, url: DEFAULT_URL, urlFrom: 'default' };
  // A directory that was only come across must not decide that prompts and keys go to another machine.
  if (settings.dataDir === undefined && !LOCAL_HOSTS.has(new URL(server.url).hostname)) {
    throw new Refusal(EXIT.usage, `${dataDir}/server.json names another machine: ${server.url}.`, `If that is right, set RUNYARD_URL=${server.url} or RUNYARD_DATA_DIR=${dataDir}.`);
  }
  return { ...found, url: server.url, urlFrom: 'server.json' };
}

/** The API makes the key a moment after the stack has said where it will listen. */
async function readKey(dataDir: string, patienceMs: number): Promise<string | undefined> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const key = (await readPrivateFile(adminKeyPath(dataDir)))?.trim();
    if (key !== undefined || performance.now() >= until) return key;
    await sleep(KEY_EVERY_MS);
  }
}

/** A client of the API that this command talks to. */
export async function connect(context: Context): Promise<{ client: ApiClient; target: Target }> {
  const target = await findTarget(context);
  const patienceMs = target.stackAlive ? PATIENCE_WITH_STACK_MS : PATIENCE_MS;
  return { client: new ApiClient({ url: target.url, key: target.key, client: 'cli', patienceMs }), target };
}
