// The API process: settings, key, start, stop.
import { ApiEnvironment, apiSettings, hostEnvironment, prepareDataDir, unknownSettings } from '@runyard/config';
import type { ApiSettings } from '@runyard/config';
import { createLogger } from '@runyard/telemetry';
import { loadAdminKey } from './auth/admin-key.js';
import { startApi } from './start-api.js';
import type { RunningApi } from './start-api.js';
import { exitFor, StartupError } from './startup-error.js';
import { onStop } from './stop-signals.js';

async function main(settings: ApiSettings): Promise<void> {
  const logger = createLogger({ name: 'api', level: settings.logLevel });
  for (const name of unknownSettings(ApiEnvironment, hostEnvironment())) logger.warn({ setting: name }, 'unknown setting: is it misspelt?');
  const unusable = await prepareDataDir(settings.dataDir);
  if (unusable !== null) throw new StartupError(`RUNYARD_DATA_DIR ${settings.dataDir} cannot be written (${unusable}). Choose another directory or mend its permissions.`);
  const admin = settings.apiKey === undefined ? await loadAdminKey(settings.dataDir) : undefined;
  const key = settings.apiKey ?? admin?.key ?? '';
  if (admin?.made) logger.info(`made an admin key; show it with: ${settings.command === undefined ? `cat '${admin.path}'` : `${settings.command} key`}`);
  const api = await startApi({ settings, key, logger, demo: settings.demo, runsAsRoot: process.getuid?.() === 0, metricsPlace: settings.metricsPlace });
  // First: whoever reads the line below may tell us to stop.
  onStop({ withParent: settings.endWithParent, stop: (reason) => stop(api, reason), hurry: () => process.exit(1) });
  logger.info({ url: api.url, metrics: api.metricsUrl }, 'API listening');

  async function stop(running: RunningApi, reason: string): Promise<void> {
    logger.info({ reason }, 'API stops');
    await running.close();
    logger.info('API stopped');
    process.exit(0); // standard input may still be open
  }
}

let settings: ApiSettings | undefined;
try {
  settings = apiSettings();
  await main(settings);
} catch (error) {
  const exit = exitFor(error, settings);
  if (!exit) throw error;
  process.stderr.write(`${exit.text}\n`);
  process.exit(exit.code);
}
