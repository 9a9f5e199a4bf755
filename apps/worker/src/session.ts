// Step 4: Claude's conversation. Between runs its files live in the session's directory, between the attempts of a run in the run's own.
import { mkdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { restoreTranscript, saveTranscript, transcriptCost } from '@runyard/claude';
import type { ClaudeSession } from '@runyard/claude';
import { failure, sessionUuidOf } from '@runyard/domain';
import type { Failure } from '@runyard/domain';
import { syncDirectories } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import { attemptProjects, runDirectory } from './attempt-file.js';
import { redactTranscripts } from './redact-transcripts.js';
import type { RunSecrets } from './run-secrets.js';
import { SecretRedactor } from './secret-redactor.js';
import type { WorkerParts } from './worker-parts.js';

export interface OpenSession {
  /** How the CLI is told to begin. */
  readonly claude: ClaudeSession;
  readonly configDir: string;
  readonly tmpDir: string;
  /** What the session had cost before this process, in USD: the CLI counts on from there. */
  readonly costBeforeUsd: number;
}

/** The conversation of an earlier run is taken over by the next one: it is not far back. */
const LATEST_RUNS = 20;

/** From the prompt, on top of whatever the session was before the run; or where the last attempt of the run ended. */
export type SessionStartMode = 'from_prompt' | 'from_last_attempt';

/** Makes the private directory and puts the transcript into it when a conversation goes on. */
export async function openSession(active: ActiveRun, workspace: ReadyWorkspace, mode: SessionStartMode, parts: WorkerParts, secrets: RunSecrets): Promise<OpenSession | Failure> {
  const { run } = active;
  const sessionUuid = sessionUuidOf(run.sessionId);
  const places = await makePlaces(active, parts, secrets);
  const put = (shelf: string, uuid: string) => restoreTranscript(shelf, { configDir: places.configDir, cwd: workspace.path, sessionUuid: uuid });
  if (mode === 'from_last_attempt') {
    const shelf = shelfOfRun(run, parts);
    if (!(await put(shelf, sessionUuid))) return failure('session_not_found', 'The conversation of the last attempt is not there any more.');
    return { ...places, claude: { mode: 'resume', sessionId: sessionUuid }, costBeforeUsd: await costOf(shelf, sessionUuid) };
  }
  // Whatever an earlier attempt said is not said any more.
  await rm(shelfOfRun(run, parts), { recursive: true, force: true });
  if (!run.continues) return { ...places, claude: { mode: 'start', sessionId: sessionUuid }, costBeforeUsd: 0 };

  const source = run.forkOf ?? run.sessionId;
  await adopt(source, run, parts);
  const shelf = shelfOfSession(source, parts);
  const from = sessionUuidOf(source);
  if (!(await put(shelf, from))) return failure('session_not_found', `The session ${source} has no transcript.`);
  const claude: ClaudeSession = run.forkOf === null ? { mode: 'resume', sessionId: sessionUuid } : { mode: 'fork', sessionId: sessionUuid, from };
  return { ...places, claude, costBeforeUsd: await costOf(shelf, from) };
}

/**
 * The CLI writes its transcript straight into the data directory, so that it outlives this worker; where secrets are in play it stays
 * private until they have been taken out.
 */
async function makePlaces({ run, lease, privateDir }: ActiveRun, { settings }: WorkerParts, secrets: RunSecrets): Promise<Pick<OpenSession, 'configDir' | 'tmpDir'>> {
  const places = { configDir: join(privateDir, 'config'), tmpDir: join(privateDir, 'tmp') };
  for (const path of [privateDir, places.configDir, places.tmpDir]) await mkdir(path, { mode: 0o700 });
  if (new SecretRedactor(secrets).active) return places;
  const projects = attemptProjects(settings.dataDir, run.id, lease.attempt);
  await mkdir(projects, { recursive: true, mode: 0o700 });
  await symlink(projects, join(places.configDir, 'projects'));
  return places;
}

/** Keeps the conversation for the next attempt of the run. Undefined when there is none. */
export function keepForRun(active: ActiveRun, session: OpenSession, parts: WorkerParts, secrets: RunSecrets): Promise<Kept | undefined> {
  return keep(active, session, shelfOfRun(active.run, parts), parts, secrets);
}

/** Keeps the conversation for the next run of the session, whatever the outcome was. */
export function keepForSession(active: ActiveRun, session: OpenSession, parts: WorkerParts, secrets: RunSecrets): Promise<Kept | undefined> {
  return keep(active, session, shelfOfSession(active.run.sessionId, parts), parts, secrets);
}

/** A transcript that was put away. */
export interface Kept {
  /** What the session has cost in all, as its transcript says. */
  readonly sessionCostUsd: number;
}

async function keep({ run }: ActiveRun, session: OpenSession, shelf: string, parts: WorkerParts, secrets: RunSecrets): Promise<Kept | undefined> {
  const { sessionId } = session.claude;
  try {
    await redactTranscripts(session.configDir, new SecretRedactor(secrets));
    const saved = await saveTranscript({ configDir: session.configDir, sessionUuid: sessionId }, shelf);
    if (saved) await syncDirectories(shelf, parts.settings.dataDir);
    return saved ? { sessionCostUsd: await costOf(shelf, sessionId) } : undefined;
  } catch (error) {
    parts.log.error({ run_id: run.id, session_id: run.sessionId, err: error }, 'the transcript was not saved: the session cannot go on from here');
    return undefined;
  }
}

/** The last attempt that started a process, as far as its conversation is concerned. */
export interface LastAttempt {
  readonly attempt: number;
  /** It ended in order, and its conversation was put on the run's shelf. */
  readonly isKept: boolean;
  /** It added nothing to what it found there. */
  readonly saidNothing: boolean;
}

/**
 * Takes over what the last attempt's CLI wrote before its worker was lost. True when there is a conversation to go on with: an older one that does
 * not know what the last attempt did is none.
 */
export async function salvage(run: RunRecord, last: LastAttempt | undefined, parts: WorkerParts): Promise<boolean> {
  if (last === undefined) return false;
  const sessionUuid = sessionUuidOf(run.sessionId);
  const configDir = dirname(attemptProjects(parts.settings.dataDir, run.id, last.attempt));
  if (await saveTranscript({ configDir, sessionUuid }, shelfOfRun(run, parts))) return true;
  if (!last.isKept && !last.saidNothing) return false;
  return exists(join(shelfOfRun(run, parts), `${sessionUuid}.jsonl`));
}

/** The run ends without another process: its conversation becomes that of the session. */
export async function promote(run: RunRecord, parts: WorkerParts): Promise<void> {
  const sessionUuid = sessionUuidOf(run.sessionId);
  const [from, to] = [shelfOfRun(run, parts), shelfOfSession(run.sessionId, parts)];
  if (!(await exists(join(from, `${sessionUuid}.jsonl`)))) return;
  try {
    await mkdir(to, { recursive: true, mode: 0o700 });
    // Nothing there: an attempt before this one has done it. The directory of large tool results goes first, because the transcript refers to it.
    if (await exists(join(from, sessionUuid))) await rm(join(to, sessionUuid), { recursive: true, force: true });
    for (const name of [sessionUuid, `${sessionUuid}.jsonl`]) await rename(join(from, name), join(to, name)).catch(ifMissing);
    await syncDirectories(to, parts.settings.dataDir);
  } catch (error) {
    parts.log.error({ run_id: run.id, session_id: run.sessionId, err: error }, 'the transcript was not taken over: the session cannot go on from here');
  }
}

/** A run of the session that ended while it waited had no worker to hand its conversation on. */
async function adopt(sessionId: string, { id: ownId }: RunRecord, parts: WorkerParts): Promise<void> {
  const { ids } = await parts.store.listIds({ sessionId, limit: LATEST_RUNS });
  for (const id of ids.filter((other) => other !== ownId)) {
    if (!(await exists(join(runDirectory(parts.settings.dataDir, id), 'conversation', `${sessionUuidOf(sessionId)}.jsonl`)))) continue;
    const run = await parts.store.get(id);
    if (run?.outcome) return promote(run, parts);
  }
}

/** Forgets what only later attempts of the run would need; its notes stay. */
export async function forgetAttempts({ run, lease }: ActiveRun, { settings, log }: WorkerParts): Promise<void> {
  const directory = runDirectory(settings.dataDir, run.id);
  const attempts = Array.from({ length: lease.attempt }, (_, index) => dirname(attemptProjects(settings.dataDir, run.id, index + 1)));
  for (const path of [join(directory, 'conversation'), ...attempts]) {
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => log.warn({ directory: path, err: error }, 'files of an attempt were not removed'));
  }
}

/** Removes the private directory, if it was made. */
export async function closeSession({ privateDir }: ActiveRun, { log }: WorkerParts): Promise<void> {
  await rm(privateDir, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
    log.warn({ directory: privateDir, err: error }, 'a temporary directory was not removed'),
  );
}

function shelfOfSession(sessionId: string, { settings }: WorkerParts): string {
  return join(settings.dataDir, 'sessions', sessionId);
}

function shelfOfRun(run: RunRecord, { settings }: WorkerParts): string {
  return join(runDirectory(settings.dataDir, run.id), 'conversation');
}

/** A CLI that goes on counts from what its transcript says, and from 0 where it says nothing (measured, 2.1.330). */
async function costOf(shelf: string, sessionUuid: string): Promise<number> {
  return (await transcriptCost(join(shelf, `${sessionUuid}.jsonl`)).catch(() => undefined)) ?? 0;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
