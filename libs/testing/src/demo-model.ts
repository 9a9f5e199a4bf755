// Starts the demo model as a process, the way everyone else does: the stand-in for the Messages API in specs.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '@runyard/config';
import { httpCall } from './http-call.js';

export interface TestDemoModel {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** What has arrived so far: objects with method, path, time, scenario, status. */
  requests(): Promise<unknown>;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../../apps/demo-model/dist/main.js', import.meta.url));
const READY_TIMEOUT_MS = 30_000;

/** Starts it on a free port of the loopback address; it also ends when the test process does. @throws when it is not built or does not come up */
export async function startDemoModel(): Promise<TestDemoModel> {
  if (!existsSync(MAIN)) throw new Error('apps/demo-model is not built: run npm run build');
  const env = { PATH: hostEnvironment()['PATH'] ?? '', RUNYARD_DEMO_HOST: '127.0.0.1', RUNYARD_DEMO_PORT: '0', RUNYARD_DEMO_PARENT_PIPE: '1' };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const url = await readyUrl(child, exited);
    return {
      url,
      requests: async () => (await httpCall(url, '/__demo/requests')).json,
      stop: async () => {
        child.kill('SIGTERM');
        await exited;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function readyUrl(child: ChildProcessByStdio<Writable, Readable, null>, exited: Promise<unknown>): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = /"url":"([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const tooLate = new Promise<never>((_, reject) => {
    const fail = (why: string) => reject(new Error(`the demo model ${why}`));
    setTimeout(() => fail('was not ready in time'), READY_TIMEOUT_MS).unref();
    void exited.then(() => fail('ended before it was ready'));
  });
  return await Promise.race([ready, tooLate]);
}
