// Trouble with the model provider: which credential it concerns, and how a run waits for its end.
import { createHash } from 'node:crypto';
import type { UpstreamTrouble } from '@runyard/claude';
import type { Dispatch, ParkInput } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** What decides whose limits count. */
const PROVIDER_NAMES = /^(ANTHROPIC_(BASE_URL|API_KEY|AUTH_TOKEN|BEDROCK_|VERTEX_|FOUNDRY_)|CLAUDE_CODE_(OAUTH_TOKEN|USE_)|AWS_(PROFILE|ACCESS_KEY_ID|REGION)|CLOUD_ML_)/;

const NOTICED_MS = 1000;

/** An id of the credential and the provider in an environment, from which neither can be read. */
export function credentialOf(environment: Readonly<Record<string, string>>): string {
  const facts = Object.entries(environment).filter(([name]) => PROVIDER_NAMES.test(name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
}

/** The id to tell the store, so that it lets runs wait or gives them to others; undefined where the operator wants neither. */
export function announcedCredential({ settings, hostEnvironment }: Pick<WorkerParts, 'settings' | 'hostEnvironment'>): string | undefined {
  return settings.upstreamWaitMs === 0 ? undefined : credentialOf(hostEnvironment);
}

/** A run that this worker could only let wait gets its ticket a moment later: until then others that are refused have noticed, too. */
export async function leaveToOthers(next: Dispatch, { store, queue, log, provider }: Pick<WorkerParts, 'store' | 'queue' | 'log' | 'provider'>): Promise<void> {
  // First of all: the place of this ticket is free in a moment.
  provider.rest();
  log.info({ run_id: next.runId, dispatch: next.dispatch }, 'the provider refuses: the run is left to another worker');
  try {
    await queue.enqueue({ ...next, delayMs: NOTICED_MS });
    await store.dispatched(next);
  } catch (error) {
    log.warn({ run_id: next.runId, err: error }, 'ticket not sent yet: it stays in the outbox');
  }
}

/** Tells everybody about the trouble; answers how the run waits for its end. */
export async function waitForProvider(trouble: UpstreamTrouble, { run, credential }: Pick<ActiveRun, 'run' | 'credential'>, parts: WorkerParts): Promise<ParkInput> {
  const { kind, code, message, retryAfterMs } = trouble;
  const report = { kind, code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  await untilAnswered(
    () => parts.store.upstream.report(credential, report, run.id, parts.id),
    (error) => parts.log.warn({ run_id: run.id, err: error }, 'the trouble with the provider was not noted; trying again'),
  );
  parts.log.warn({ run_id: run.id, code, kind }, 'the provider refuses for now: the run waits, unless others can do it');
  const waitingFor = kind === 'auth' ? 'auth' : 'quota';
  return { waitingFor, left: waitingFor, detail: message, credential, failureCode: code, giveUpAfterMs: parts.settings.upstreamWaitMs };
}
