// Trouble with the model provider: which credential it concerns, and how a run waits for its end.
import { createHash } from 'node:crypto';
import type { UpstreamTrouble } from '@runyard/claude';
import type { ParkInput } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** What decides whose limits count. */
const PROVIDER_NAMES = /^(ANTHROPIC_(BASE_URL|API_KEY|AUTH_TOKEN|BEDROCK_|VERTEX_|FOUNDRY_)|CLAUDE_CODE_(OAUTH_TOKEN|USE_)|AWS_(PROFILE|ACCESS_KEY_ID|REGION)|CLOUD_ML_)/;

/** An id of the credential and the provider in an environment, from which neither can be read. */
export function credentialOf(environment: Readonly<Record<string, string>>): string {
  const facts = Object.entries(environment).filter(([name]) => PROVIDER_NAMES.test(name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
}

/** Tells everybody about the trouble; answers how the run waits for its end. */
export async function waitForProvider(trouble: UpstreamTrouble, { run, credential }: Pick<ActiveRun, 'run' | 'credential'>, parts: WorkerParts): Promise<ParkInput> {
  const { kind, code, message, retryAfterMs } = trouble;
  const report = { kind, code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  await untilAnswered(
    () => parts.store.upstream.report(credential, report, run.id),
    (error) => parts.log.warn({ run_id: run.id, err: error }, 'the trouble with the provider was not noted; trying again'),
  );
  parts.log.warn({ run_id: run.id, code, kind }, 'the provider refuses for now: the run waits');
  const waitingFor = kind === 'auth' ? 'auth' : 'quota';
  return { waitingFor, left: waitingFor, detail: message, credential, failureCode: code, giveUpAfterMs: parts.settings.upstreamWaitMs };
}
