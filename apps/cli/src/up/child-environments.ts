// The environment of each process of the local stack: ours, with what `up` has decided, without what is none of its business.
import type { Environment } from '@runyard/config';

export interface StackFacts {
  readonly dataDir: string;
  readonly redisUrl: string;
  readonly host: string;
  readonly port: number;
  readonly workerHost: string;
  readonly workerPort: number;
  readonly workspaceRoots: readonly string[];
  /** Address of the demo model when it stands in for Claude. */
  readonly demoUrl: string | undefined;
}

/** Nobody checks it; the CLI only wants that there is one. */
export const DEMO_KEY = 'the-demo-model-needs-no-key';

const MODEL_SECRETS = /^(ANTHROPIC_|CLAUDE_CODE_|RUNYARD_SECRET_)/;

/** For the API: nothing that opens the model or a secret. */
export function apiEnvironment(base: Environment, facts: StackFacts): Record<string, string> {
  return settled(base, (name) => !MODEL_SECRETS.test(name), {
    ...common(facts),
    RUNYARD_HOST: facts.host,
    RUNYARD_PORT: String(facts.port),
    ...(facts.demoUrl === undefined ? {} : { RUNYARD_DEMO: '1' }),
  });
}

/** For the worker: all of ours but the key of the API; the model is the demo model when that stands in. */
export function workerEnvironment(base: Environment, facts: StackFacts): Record<string, string> {
  return settled(base, (name) => !/^RUNYARD_API_KEY(_FILE)?$/.test(name), {
    ...common(facts),
    RUNYARD_WORKER_HOST: facts.workerHost,
    RUNYARD_WORKER_PORT: String(facts.workerPort),
    ...(facts.demoUrl === undefined ? {} : demoVariables(base, facts.demoUrl)),
  });
}

/** For the demo model. */
export function demoEnvironment(base: Environment, port: number): Record<string, string> {
  return settled(base, (name) => !MODEL_SECRETS.test(name), { RUNYARD_DEMO_HOST: '127.0.0.1', RUNYARD_DEMO_PORT: String(port), RUNYARD_DEMO_PARENT_PIPE: '1' });
}

function common(facts: StackFacts): Record<string, string> {
  return {
    RUNYARD_DATA_DIR: facts.dataDir,
    RUNYARD_WORKSPACES: facts.workspaceRoots.join(':'),
    REDIS_URL: facts.redisUrl,
    RUNYARD_PARENT_PIPE: '1',
  };
}

function demoVariables(base: Environment, demoUrl: string): Record<string, string> {
  // A proxy of the surroundings must not be asked for an address of this machine.
  const direct = (name: string): string => [base[name], '127.0.0.1'].filter(Boolean).join(',');
  return { ANTHROPIC_BASE_URL: demoUrl, ANTHROPIC_API_KEY: DEMO_KEY, NO_PROXY: direct('NO_PROXY'), no_proxy: direct('no_proxy') };
}

function settled(base: Environment, keep: (name: string) => boolean, decided: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    // A setting that is decided here must not come a second time by its file.
    if (value !== undefined && keep(name) && !(name.endsWith('_FILE') && name.slice(0, -5) in decided)) result[name] = value;
  }
  return { ...result, ...decided };
}
