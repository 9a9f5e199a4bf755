// The worker process, wired by hand: settings, parts, health, then runs until it is told to stop.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { crashSetting, EXIT_CODE_BAD_SETTINGS, exitOnSettingsError, hostEnvironment, parseRedisUrl, unknownSettings, WorkerEnvironment, workerSettings } from '@runyard/config';
import type { WorkerSettings } from '@runyard/config';
import { newId } from '@runyard/domain';
import { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { Ticket } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import { createLogger, Metrics, RunMetrics } from '@runyard/telemetry';
import { ActiveRuns } from './active-runs.js';
import { dataDirProblem, listenProblem, redisProblem } from './boot-checks.js';
import { ClaudeInstallation } from './claude-installation.js';
import { quietConnectionErrors } from './connection-errors.js';
import { DiskGuard } from './disk-guard.js';
import { armCrashPoints } from './crash-points.js';
import { drain } from './drain.js';
import { startHealthServer } from './health-server.js';
import { startHeartbeat } from './heartbeat.js';
import { startHousekeeping } from './housekeeping.js';
import { Intake } from './intake.js';
import { MachineGuard } from './machine-guard.js';
import { watchMemory } from './memory-watch.js';
import { watchQueue } from './queue-watch.js';
import { ProviderRest } from './provider-rest.js';
import { readinessChecks } from './readiness.js';
import { performRun } from './run.js';
import { listenForStop } from './stop-signals.js';
import { announcedCredential } from './upstream.js';
import { endOrphans, watchForOrphans } from './warden/orphans.js';
import { Warden } from './warden/warden.js';
import { tellOfWork } from './worker-gauges.js';
import type { WorkerParts } from './worker-parts.js';

const LEAVE_MS = 3000;

function settingsOrExit(): WorkerSettings {
  try {
    armCrashPoints(crashSetting());
    return workerSettings();
  } catch (error) {
    exitOnSettingsError(error);
    throw error;
  }
}

function refuseToStart(problem: string): never {
  log.fatal(problem);
  process.stderr.write(`Cannot start: ${problem}\n`);
  process.exit(EXIT_CODE_BAD_SETTINGS);
}

const settings = settingsOrExit();
const environment = hostEnvironment();
const log = createLogger({ name: 'worker', level: settings.logLevel });
const stop = listenForStop({ signals: process, ...(settings.endWithParent ? { parentPipe: process.stdin } : {}) });
for (const name of unknownSettings(WorkerEnvironment, environment)) log.warn({ setting: name }, 'this setting is unknown: is it misspelt?');
const unwritable = await dataDirProblem(settings.dataDir);
if (unwritable) refuseToStart(unwritable);

const id = newId('worker');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const redis = parseRedisUrl(settings.redisUrl) ?? refuseToStart('REDIS_URL cannot be read.');
const metrics = new Metrics({ process: 'worker', version });
const runMetrics = new RunMetrics(metrics);
const tellOnce = quietConnectionErrors((error) => log.warn({ err: error }, 'Redis or the queue has a problem'));
const onError = (error: Error): void => {
  metrics.redisError();
  tellOnce(error);
};
const store = RunStore.open({
  redis,
  role: 'worker',
  dataDir: settings.dataDir,
  inlineBytes: settings.eventInlineBytes,
  liveLogBytes: settings.runLogRedisBytes,
  onError,
  onFileError: (error) => log.warn({ err: error }, 'a part of a log was not moved out of Redis'),
  onRestored: (runId, events) => {
    runMetrics.eventsRestored(events);
    log.error({ run_id: runId, events }, 'Redis had lost confirmed events of a run; they are back');
  },
});
const queue = RunQueue.open({ redis, onError });
const claude = new ClaudeInstallation(settings.claudeBin);
let drainAsked = false;
const places = { 'data directory': settings.dataDir, 'temporary directory': tmpdir() };
const disk = new DiskGuard({ places, minFreeBytes: settings.minFreeBytes });
const machine = new MachineGuard({ warden: () => warden, places });
const draining = (): boolean => drainAsked || stop.drain.aborted;

let exitCode = 0;
/** Whoever runs this process shall start it anew: it finishes what it has, or hands it over, and ends with an error. */
function leaveWithError(why: string): void {
  log.fatal({ why }, 'this worker cannot go on: it drains and ends');
  exitCode = 1;
  stop.leave();
}

/** Somebody asked over the API: finish what runs, take no more, and stay up until somebody starts this process again. */
function takeNoMore(): void {
  if (drainAsked) return;
  drainAsked = true;
  log.info({ run_ids: active.ids() }, 'asked to drain: no more runs are taken');
  void consumer.pause().catch((error: unknown) => log.warn({ err: error }, 'the queue did not take note of the drain'));
  heartbeat.beat();
}

const checks = readinessChecks({ store, claude, draining, disk, machine });
const health = await startHealthServer(settings, checks, metrics).catch((error: unknown) =>
  refuseToStart(listenProblem(settings, error)),
);
log.info({ worker_id: id, port: health.port }, 'worker listening');

const stopped = stop.drain.aborted ? Promise.resolve() : once(stop.drain, 'abort').then(() => undefined);
/** Redis may be away for as long as it likes, but not longer than somebody wants this process. */
async function unlessStopped<T>(waiting: Promise<T>): Promise<T> {
  const first = await Promise.race([waiting.then((value) => ({ value })), stopped]);
  return first ? first.value : process.exit(0);
}

// Both wait for Redis, and fail only when Redis refuses us.
const problems = await unlessStopped(store.ping().then(() => store.checkSettings())).catch((error: unknown) =>
  refuseToStart(`${error instanceof Error ? error.message : String(error)}. Check REDIS_URL.`),
);
const unsafe = redisProblem(problems, (problem) => log.warn(problem));
if (unsafe) refuseToStart(unsafe);

const orphans = {
  onEnded: (mark: string, pids: readonly number[]) => log.warn({ mark, pids }, 'what a dead worker had left was ended'),
  onError: (error: unknown) => log.warn({ err: error }, 'looking for what dead workers left has failed'),
};
// Before the first run: one of these may be the next attempt at a run whose processes are still at work here.
await endOrphans(orphans).catch(orphans.onError);
const stopWatchForOrphans = watchForOrphans(orphans);

const warden = Warden.start({
  entry: fileURLToPath(new URL('./warden/main.js', import.meta.url)),
  onEnded: (mark, pids) => log.error({ mark, pids }, 'the warden ended processes whose lease was over'),
  onDied: (why) => {
    log.error({ why }, 'the warden died; starting another one');
    void machine.rest(`the warden died: ${why}`);
  },
  onReplaced: () => log.info('another warden watches'),
  onGivenUp: (why) => leaveWithError(`no warden can be kept running: ${why}`),
});
const active = new ActiveRuns(() => heartbeat.beat());
const credential = announcedCredential({ settings, hostEnvironment: environment });
const provider = new ProviderRest({ stance: async () => (credential === undefined ? 'go_on' : store.upstream.stance(credential, id)), intake: () => intake, log });
const parts: WorkerParts = { id, settings, log, metrics: runMetrics, store, queue, warden, claude, active, disk, machine, provider, hostEnvironment: environment };
tellOfWork(metrics, { active, capacity: settings.capacity, draining });
const forgetSignals = await unlessStopped(
  store.onWorkerSignal(id, (signal) => {
    if (signal.type === 'drain') takeNoMore();
    if (signal.type === 'cancel') active.cancel(signal.runId);
  }),
);
const handle = (ticket: Ticket): Promise<void> => {
  provider.onTicket();
  return performRun(ticket, parts);
};
const consumer = RunConsumer.open({ redis, capacity: settings.capacity, handle, onError });
const stopWatchingMemory = watchMemory({
  active,
  limitBytes: settings.runMemoryBytes,
  onError: (error) => log.warn({ err: error }, 'the memory of the runs could not be looked at'),
});
const intake = new Intake({ consumer, leaving: draining, onError: (error) => log.warn({ err: error }, 'the queue did not take note of whether runs are taken') });
const stopWatchingMachine = machine.watch({
  onTrouble: (problem) => {
    log.error({ problem }, 'no more runs are taken: this machine has a problem');
    intake.hold('machine');
  },
  onOver: () => {
    log.info('the problem of this machine is over');
    intake.letGo('machine');
  },
});
const stopWatchingDisk = disk.watch({
  onLow: (problem) => {
    log.error({ problem }, 'no room on the disk: no more runs are taken');
    intake.hold('disk');
  },
  onEnough: () => {
    log.info('there is room on the disk again');
    intake.letGo('disk');
  },
});
const heartbeat = startHeartbeat(parts, version, { draining, resting: () => intake.isHeld, onDrain: takeNoMore });
const stopHousekeeping = startHousekeeping({
  workerId: id,
  store,
  queue,
  onDone: (job, count) => parts.metrics.reconciled(job, count),
  onEnded: ({ code, trigger }) => parts.metrics.ended({ status: 'failed', reason: code, trigger, durationMs: undefined }),
  onError: (job, error) => log.warn({ job, err: error }, 'housekeeping failed; trying again'),
});
const stopWatchingQueue = watchQueue({
  store,
  queue,
  consumer,
  capacity: settings.capacity,
  resting: () => draining() || intake.isHeld,
  limitMs: settings.queueSilenceMs,
  onDeaf: () => leaveWithError('runs wait, it has room for them, Redis answers, and yet it gets no ticket'),
});
log.info({ worker_id: id, port: health.port, capacity: settings.capacity }, 'worker ready');

await stopped;
stopWatchingQueue();
stopWatchingDisk();
stopWatchingMachine();
heartbeat.beat();
await drain(parts, consumer, stop.hurry);
// Everything from here on is politeness: whatever hangs, the process ends.
setTimeout(() => process.exit(exitCode), LEAVE_MS);
stopWatchingMemory();
stopWatchForOrphans();
await Promise.allSettled([stopHousekeeping(), forgetSignals(), heartbeat.leave(), warden.close()]);
await Promise.allSettled([store.close(), queue.close(), health.close()]);
log.info('worker stopped');
process.exit(exitCode);
