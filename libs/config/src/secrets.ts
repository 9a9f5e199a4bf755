// The secrets of a worker: values under names of the user's choice, read when a run needs them.
import { readFileSync, statSync } from 'node:fs';
import type { Environment } from './host-environment.js';

/** One argument or variable of a process holds 128 KiB; nobody's credential is half as long. */
const MAX_BYTES = 64 * 1024;

/** The value, or a sentence that says what is wrong and what to do. It never quotes the value. */
export type SecretReading = { readonly value: string } | { readonly problem: string };

/**
 * The secret `name`: the variable `RUNYARD_SECRET_<name>`, or the content of the file that `RUNYARD_SECRET_<name>_FILE` names, without
 * line ends at its end. The file is read anew each time, so that a rotated secret counts from the next run on.
 */
export function readSecret(name: string, env: Environment): SecretReading {
  const variable = `RUNYARD_SECRET_${name}`;
  const fileVariable = `${variable}_FILE`;
  const direct = env[variable] || undefined;
  const path = env[fileVariable] || undefined;
  if (direct !== undefined && path !== undefined) return { problem: `The secret ${name} is given twice: keep ${variable} or ${fileVariable} of the worker, not both.` };
  if (path !== undefined) return readFrom(path, name, fileVariable);
  if (direct !== undefined) return checked(direct, name, variable);
  return { problem: `The worker knows no secret ${name}: set ${variable}, or ${fileVariable} with the path of a file, and start the worker again.` };
}

function readFrom(path: string, name: string, variable: string): SecretReading {
  try {
    if (statSync(path).size > MAX_BYTES) return { problem: `The file of the secret ${name} (${variable}) is larger than ${MAX_BYTES} bytes.` };
    return checked(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path)).replace(/[\r\n]+$/, ''), name, variable);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is no UTF-8 text' : `cannot be read (${code || 'unknown error'})`;
    return { problem: `The file of the secret ${name} (${variable}) ${reason}.` };
  }
}

function checked(value: string, name: string, variable: string): SecretReading {
  if (value === '') return { problem: `The secret ${name} (${variable}) is empty.` };
  // Node would refuse it with a message that quotes the whole value.
  if (value.includes('\0')) return { problem: `The secret ${name} (${variable}) has NUL characters: no process can be given it.` };
  if (Buffer.byteLength(value) > MAX_BYTES) return { problem: `The secret ${name} (${variable}) is larger than ${MAX_BYTES} bytes.` };
  return { value };
}
