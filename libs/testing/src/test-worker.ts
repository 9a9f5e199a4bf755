// Starts a worker as a process.
import { hostEnvironment } from '@runyard/config';
import { startProcess } from './test-process.js';
import type { ProcessExit, TestProcess } from './test-process.js';

export interface TestWorker extends TestProcess {
  /** `http://127.0.0.1:<port>` of its health port, once it listens. */
  url(): Promise<string>;
  /** SIGTERM, then SIGTERM again for its runs, and waits. */
  stop(): Promise<ProcessExit>;
}

/** Starts `apps/worker` with exactly this environment, on any free port unless it names one. @throws when it is not built */
export function startWorker(env: Readonly<Record<string, string>>): TestWorker {
  const worker = startProcess('worker', { env: { PATH: hostEnvironment()['PATH'] ?? '', RUNYARD_WORKER_PORT: '0', ...env } });
  return {
    ...worker,
    url: async () => `http://127.0.0.1:${String((await worker.logged('worker listening'))['port'])}`,
    stop: async () => {
      worker.kill('SIGTERM');
      const hurry = setInterval(() => worker.kill('SIGTERM'), 1500);
      const exit = await worker.exited;
      clearInterval(hurry);
      return exit;
    },
  };
}
