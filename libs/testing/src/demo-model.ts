// Starts the demo model as a process: the stand-in for the Messages API in specs.
import { hostEnvironment } from '@runyard/config';
import { httpCall } from './http-call.js';
import { startProcess } from './test-process.js';

export interface TestDemoModel {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** What has arrived so far: objects with method, path, time, scenario, status. */
  requests(): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts it on a free port of the loopback address; it also ends when the test process does. @throws when it is not built or does not come up */
export async function startDemoModel(): Promise<TestDemoModel> {
  const model = startProcess('demo-model', {
    env: { PATH: hostEnvironment()['PATH'] ?? '', RUNYARD_DEMO_HOST: '127.0.0.1', RUNYARD_DEMO_PORT: '0', RUNYARD_DEMO_PARENT_PIPE: '1' },
  });
  try {
    const url = String((await model.logged('demo model listening'))['url']);
    return {
      url,
      requests: async () => (await httpCall(url, '/__demo/requests')).json,
      stop: async () => {
        model.kill('SIGTERM');
        await model.exited;
      },
    };
  } catch (error) {
    model.kill('SIGKILL');
    throw error;
  }
}
