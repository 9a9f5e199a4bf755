// The secrets that a run names, resolved: they exist in the memory of the worker and in what it gives to the processes of the run.
import { readSecret } from '@runyard/config';
import { failure, secretNames } from '@runyard/domain';
import type { CreateRun, Failure, TextOrSecret } from '@runyard/domain';

/** Values by name. */
export type RunSecrets = ReadonlyMap<string, string>;

export const NO_SECRETS: RunSecrets = new Map();

/** Reads every secret of the request, or says which ones cannot be had; nothing of the run has been started by then. */
export function openSecrets(request: CreateRun, environment: Readonly<Record<string, string>>): RunSecrets | Failure {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const name of secretNames(request)) {
    const reading = readSecret(name, environment);
    if ('problem' in reading) problems.push(reading.problem);
    else values.set(name, reading.value);
  }
  return problems.length > 0 ? failure('invalid_options', problems.join(' ')) : values;
}

/** The text, or the value of the secret. @throws Error for a secret that was not opened */
export function resolveText(value: TextOrSecret, secrets: RunSecrets): string {
  if (typeof value === 'string') return value;
  const secret = secrets.get(value.secret);
  if (secret === undefined) throw new Error(`the secret ${value.secret} was not opened`);
  return secret;
}

/** The same for every value of an object. */
export function resolveTexts(values: Readonly<Record<string, TextOrSecret>>, secrets: RunSecrets): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, resolveText(value, secrets)]));
}
