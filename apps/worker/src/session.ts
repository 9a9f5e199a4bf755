// Step 3: Claude's conversation. Its files live in the data directory between runs and in a private directory while one goes on.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreTranscript, saveTranscript } from '@runyard/claude';
import type { ClaudeSession } from '@runyard/claude';
import { failure, sessionUuidOf } from '@runyard/domain';
import type { Failure } from '@runyard/domain';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import { redactTranscripts } from './redact-transcripts.js';
import type { RunSecrets } from './run-secrets.js';
import { SecretRedactor } from './secret-redactor.js';
import type { WorkerParts } from './worker-parts.js';

export interface OpenSession {
  /** How the CLI is told to begin. */
  readonly claude: ClaudeSession;
  readonly configDir: string;
  readonly tmpDir: string;
  /** What the session had cost before this run, in USD: the CLI counts on from there. */
  readonly costBeforeUsd: number;
}

const COST_FILE = 'cost.json';

/** Makes the private directory and puts the transcript into it when the session goes on. */
export async function openSession({ run, privateDir }: ActiveRun, workspace: ReadyWorkspace, parts: WorkerParts): Promise<OpenSession | Failure> {
  const sessionId = sessionUuidOf(run.sessionId);
  const places = { configDir: join(privateDir, 'config'), tmpDir: join(privateDir, 'tmp') };
  for (const path of [privateDir, places.configDir, places.tmpDir]) await mkdir(path, { mode: 0o700 });
  if (!run.continues) return { ...places, claude: { mode: 'start', sessionId }, costBeforeUsd: 0 };

  const source = run.forkOf ?? run.sessionId;
  const shelf = shelfOf(source, parts);
  const from = sessionUuidOf(source);
  if (!(await restoreTranscript(shelf, { configDir: places.configDir, cwd: workspace.path, sessionUuid: from }))) {
    return failure('session_not_found', `The session ${source} has no transcript.`);
  }
  const claude: ClaudeSession = run.forkOf === null ? { mode: 'resume', sessionId } : { mode: 'fork', sessionId, from };
  return { ...places, claude, costBeforeUsd: await readCost(shelf) };
}

/** Puts the transcript, without the secrets of the run, and the cost so far back into the data directory, whatever the outcome was. */
export async function keepSession({ run }: ActiveRun, session: OpenSession, sessionCostUsd: number, parts: WorkerParts, secrets: RunSecrets): Promise<void> {
  const shelf = shelfOf(run.sessionId, parts);
  try {
    await redactTranscripts(session.configDir, new SecretRedactor(secrets));
    const saved = await saveTranscript({ configDir: session.configDir, sessionUuid: session.claude.sessionId }, shelf);
    if (saved) await writeCost(shelf, sessionCostUsd);
  } catch (error) {
    parts.log.error({ run_id: run.id, session_id: run.sessionId, err: error }, 'the transcript was not saved: the session cannot go on from here');
  }
}

/** Removes the private directory, if it was made. */
export async function closeSession({ privateDir }: ActiveRun, { log }: WorkerParts): Promise<void> {
  await rm(privateDir, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
    log.warn({ directory: privateDir, err: error }, 'a temporary directory was not removed'),
  );
}

function shelfOf(sessionId: string, { settings }: WorkerParts): string {
  return join(settings.dataDir, 'sessions', sessionId);
}

async function readCost(shelf: string): Promise<number> {
  try {
    const { total_cost_usd: total } = JSON.parse(await readFile(join(shelf, COST_FILE), 'utf8')) as { total_cost_usd?: unknown };
    return typeof total === 'number' ? total : 0;
  } catch {
    return 0;
  }
}

async function writeCost(shelf: string, costUsd: number): Promise<void> {
  const temporary = join(shelf, `${COST_FILE}.new`);
  await writeFile(temporary, JSON.stringify({ total_cost_usd: costUsd }));
  await rename(temporary, join(shelf, COST_FILE));
}
