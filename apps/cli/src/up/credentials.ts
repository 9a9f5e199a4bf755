// Whether there is a model to ask: which credential of the Claude CLI the environment holds.
import type { Environment } from '@runyard/config';

const KEYS = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'];
const PROVIDERS = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY'];

/** Name of the variable by which the CLI reaches a real model, or undefined when there is none. */
export function modelCredential(env: Environment): string | undefined {
  const key = KEYS.find((name) => (env[name] ?? '').trim() !== '');
  return key ?? PROVIDERS.find((name) => /^(1|true|yes|on)$/i.test(env[name]?.trim() ?? ''));
}
