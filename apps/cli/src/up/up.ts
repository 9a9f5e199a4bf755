// `runyard up`: the local stack in the foreground, until Ctrl-C.
import { homedir } from 'node:os';
import { localSettings } from '@runyard/config';
import type { LocalSettings } from '@runyard/config';
import { LocalRedisError } from '@runyard/local-redis';
import { createLogger } from '@runyard/telemetry';
import type { Command } from 'commander';
import { commandName, hint } from '../context.js';
import type { Context, Finish } from '../context.js';
import { findDataDir } from '../data-dir.js';
import { EXIT, Refusal } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { painter } from '../style.js';
import { readyBanner } from './banner.js';
import { modelCredential } from './credentials.js';
import { takeDataDir } from './instance.js';
import { createLogSink } from './log-sink.js';
import { preferPort, demandDataDir, reservePort } from './preflight.js';
import { untilReady } from './ready.js';
import { Stack } from './stack.js';
import type { StackPlan } from './stack.js';
import { onStopSignals } from './stop-keys.js';

const PATIENCE_MS = 15_000;
// By then it has answered, and its problems do not go away by themselves.
const WORKER_PATIENCE_MS = 6_000;

/** Adds the command to the program. */
export function addUp(program: Command, finish: Finish): void {
  program
    .command('up')
    .alias('start')
    .summary('run everything on this machine')
    .description('Runs everything on this machine until Ctrl-C: Redis, API, worker, and an offline demo model when no model key is set.')
    .option('--json-logs', 'print the logs as the processes write them')
    .action((options: { jsonLogs?: boolean }) => finish((context) => up(context, options)));
}

async function up(context: Context, { jsonLogs = false }: { jsonLogs?: boolean }): Promise<ExitCode> {
  const settings = settingsFor(context);
  await demandDataDir(settings.dataDir);
  const plan = await planStack(context, settings);
  const url = `http://${reachableHost(settings.host)}:${plan.port}`;
  const giveBack = await takeDataDir(settings.dataDir, url);
  // A terminal that is gone must not keep us from stopping in order.
  for (const stream of [context.stdout, context.stderr]) stream.on('error', () => undefined);
  try {
    return await runStack(context, plan, url, jsonLogs);
  } finally {
    giveBack();
  }
}

async function runStack(context: Context, plan: StackPlan, url: string, jsonLogs: boolean): Promise<ExitCode> {
  const sink = createLogSink(context.stdout, { json: jsonLogs });
  const log = createLogger({ name: 'up', level: plan.settings.logLevel, destination: { write: (line) => sink.line('up', line.trimEnd()) } });
  const over = Promise.withResolvers<ExitCode>();
  const stopping = new AbortController();
  const onGivenUp = (reason: string): void => {
    log.fatal(`${reason}: stopping`);
    hint(context, 'Correct what the lines above say, then start again.');
    over.resolve(EXIT.failed);
  };
  const stack = new Stack({ plan, log, sink, onGivenUp });
  const forget = onStopSignals(context.signals, {
    stop: () => {
      hint(context, `\nStopping: runs that are at work may finish, for up to ${plan.settings.drainTimeoutMs / 1000} s. With another Ctrl-C they go on at the next start.`);
      over.resolve(EXIT.ok);
    },
    hurry: () => {
      hint(context, 'Putting away what is left. Ctrl-C again kills it.');
      stack.hurry();
    },
    kill: () => stack.kill(),
  });
  void over.promise.then(() => stopping.abort());
  try {
    log.info(`starting in ${plan.settings.dataDir}`);
    await stack.start(stopping.signal);
    await Promise.race([over.promise, sayWhenReady(context, plan, url, stopping.signal)]);
    return await over.promise;
  } catch (error) {
    if (!(error instanceof LocalRedisError)) throw error;
    throw new Refusal(EXIT.failed, error.message, 'Or set REDIS_URL to a Redis that runs already.');
  } finally {
    stopping.abort();
    await stack.stop();
    log.info('stopped');
    forget();
  }
}

async function sayWhenReady(context: Context, plan: StackPlan, url: string, signal: AbortSignal): Promise<void> {
  const worker = `http://${reachableHost(plan.settings.workerHost)}:${plan.workerPort}`;
  for (let asked = 0; ; asked += 1) {
    const api = await untilReady(url, { waitMs: PATIENCE_MS, signal });
    if (signal.aborted) return;
    if (api.ready) break;
    if (asked % 4 === 0) hint(context, `Still waiting for the API: ${api.problems.join(', ')}`);
  }
  const workerReady = await untilReady(worker, { waitMs: WORKER_PATIENCE_MS, signal });
  if (signal.aborted) return;
  const banner = readyBanner(
    {
      url,
      dataDir: plan.settings.dataDir,
      workspaceRoots: plan.workspaceRoots,
      rootsFrom: plan.settings.workspaceRoots.length > 0 ? 'RUNYARD_WORKSPACES' : 'default',
      capacity: plan.settings.capacity,
      credential: modelCredential(context.env),
      redis: plan.settings.redisUrl === undefined ? 'private, in the data directory' : 'the one of REDIS_URL',
      command: commandName(context),
      workerProblems: workerReady.problems,
    },
    painter(context.stderr),
  );
  context.stderr.write(banner);
}

function settingsFor({ env, cwd, root }: Context): LocalSettings {
  const given = (env['RUNYARD_DATA_DIR'] ?? '') !== '' || (env['RUNYARD_DATA_DIR_FILE'] ?? '') !== '';
  return localSettings(given ? env : { ...env, RUNYARD_DATA_DIR: findDataDir(cwd, root) });
}

async function planStack(context: Context, settings: LocalSettings): Promise<StackPlan> {
  const workerPortGiven = (context.env['RUNYARD_WORKER_PORT'] ?? context.env['RUNYARD_WORKER_PORT_FILE'] ?? '') !== '';
  const reserve = workerPortGiven ? reservePort : preferPort;
  const home = homedir();
  return {
    root: context.root,
    env: context.env,
    settings,
    port: await reservePort(settings.host, settings.port, 'RUNYARD_PORT'),
    workerPort: await reserve(settings.workerHost, settings.workerPort, 'RUNYARD_WORKER_PORT'),
    // A home of "/" is that of a service account: everything would be below it.
    workspaceRoots: settings.workspaceRoots.length > 0 ? settings.workspaceRoots : home === '/' ? [] : [home],
    demoPort: modelCredential(context.env) === undefined ? await reservePort('127.0.0.1', 0, 'RUNYARD_PORT') : undefined,
  };
}

/** A wildcard address is reached by the loopback one. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
