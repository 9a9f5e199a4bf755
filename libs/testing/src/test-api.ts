// Starts an API as a process.
import { httpCall } from './http-call.js';
import { startProcess } from './test-process.js';
import type { ProcessExit, TestProcess, TestProcessOptions } from './test-process.js';
import { waitFor } from './wait-for.js';

export interface TestApi extends TestProcess {
  /** `http://127.0.0.1:<port>`, once it listens. */
  url(): Promise<string>;
  /** Sends a signal, by default SIGKILL, and waits for the end; at once when it has ended already. */
  end(signal?: NodeJS.Signals): Promise<ProcessExit>;
}

/** Starts `apps/api` with exactly this environment, on any free port unless it names one. @throws when it is not built */
export function startApiProcess({ env, cwd }: TestProcessOptions): TestApi {
  const api = startProcess('api', { env: { RUNYARD_PORT: '0', ...env }, ...(cwd === undefined ? {} : { cwd }) });
  return {
    ...api,
    url: async () => String((await api.logged('API listening'))['url']),
    end: (signal = 'SIGKILL') => {
      api.kill(signal);
      return api.exited;
    },
  };
}

/** Waits until store and queue of an API answer: each has a connection of its own, and the first try of one may fail on a busy machine. */
export async function apiIsReady(url: string, key: string): Promise<void> {
  const answers = async (path: string): Promise<boolean> => (await httpCall(url, path, { headers: { authorization: `Bearer ${key}` } })).status === 200;
  await waitFor(async () => (await answers('/readyz')) && (await answers('/v1/queue')), { what: 'the API to be ready' });
}
