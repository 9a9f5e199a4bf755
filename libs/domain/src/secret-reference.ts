// Values that are given as a text, or as the name of a secret that only workers know.
import { z } from 'zod';
import { LIMITS, utf8Bytes } from './limits.js';

/** `X_FILE` would be the variable that names the file of the secret `X`. */
const SECRET_NAME = /^(?!.*_FILE$)[A-Z][A-Z0-9_]{0,99}$/;

export const SecretName = z.string().regex(SECRET_NAME, 'must be the name of a secret: capital letters, digits and _, not ending in _FILE');

export const SecretReference = z
  .strictObject({ secret: SecretName })
  .meta({ id: 'SecretReference', description: 'The value of RUNYARD_SECRET_<name> (or RUNYARD_SECRET_<name>_FILE) of the worker; only the name is kept.' });
export type SecretReference = z.infer<typeof SecretReference>;

export type TextOrSecret = string | SecretReference;

/** A text of at most so many bytes of UTF-8 without NUL, or a reference. `check` says what else the text must be. */
export function textOrSecret(maxBytes: number = LIMITS.optionValueBytes, check?: { readonly pattern: RegExp; readonly message: string }) {
  const text = z
    .string()
    .refine((value) => !value.includes('\0'), 'must not have NUL characters')
    .refine((value) => utf8Bytes(value) <= maxBytes, `must not be longer than ${maxBytes} bytes of UTF-8`)
    .refine((value) => check === undefined || check.pattern.test(value), check?.message ?? '');
  return z.union([text, SecretReference]);
}

interface Referring {
  readonly environment?: Readonly<Record<string, TextOrSecret>> | undefined;
  readonly mcp_servers?: Readonly<Record<string, ReferringServer>> | undefined;
}

interface ReferringServer {
  readonly command?: TextOrSecret;
  readonly args?: readonly TextOrSecret[] | undefined;
  readonly env?: Readonly<Record<string, TextOrSecret>> | undefined;
  readonly url?: TextOrSecret;
  readonly headers?: Readonly<Record<string, TextOrSecret>> | undefined;
}

/** The names of all secrets that a request refers to, each once. Looks only where a reference may stand: a variable may be called `secret`. */
export function secretNames({ environment = {}, mcp_servers: servers = {} }: Referring): string[] {
  const values = [...Object.values(environment), ...Object.values(servers).flatMap(valuesOf)];
  return [...new Set(values.flatMap((value) => (typeof value === 'object' ? [value.secret] : [])))];
}

function valuesOf({ command = '', args = [], env = {}, url = '', headers = {} }: ReferringServer): TextOrSecret[] {
  return [command, ...args, ...Object.values(env), url, ...Object.values(headers)];
}
