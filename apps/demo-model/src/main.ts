// The demo model as a process: reads its settings, listens, prints one line when it is ready.
import { demoModelSettings, exitOnSettingsError } from '@runyard/config';
import type { DemoModelSettings } from '@runyard/config';
import { startDemoModel } from './server.js';
import type { DemoModel } from './server.js';

function settings(): DemoModelSettings | undefined {
  try {
    return demoModelSettings();
  } catch (error) {
    exitOnSettingsError(error);
    return undefined;
  }
}

function print(level: 'info' | 'error', msg: string, more: Readonly<Record<string, string>> = {}): void {
  process.stdout.write(`${JSON.stringify({ level, msg, ...more })}\n`);
}

/** Ends on SIGTERM, SIGINT and, when asked to, with the pipe to the parent. */
function endWith(model: DemoModel, parentPipe: boolean): void {
  const end = (): void => void model.stop().then(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  if (!parentPipe) return;
  process.stdin.once('close', end).once('error', end).resume();
}

const read = settings();
if (read !== undefined) {
  try {
    const model = await startDemoModel({ host: read.host, port: read.port });
    endWith(model, read.endWithParent);
    print('info', 'demo model listening', { url: model.url });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    print('error', `demo model cannot listen on ${read.host}:${read.port}: ${code}`);
    process.exitCode = 1;
  }
}
