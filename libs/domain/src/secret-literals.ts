// Finds credentials that were written where only their names belong: what is in a request is kept and shown.

/** What to do instead; completes a sentence that begins with the name of the field. */
const INSTEAD = 'give it to the worker as RUNYARD_SECRET_<NAME> and write {"secret": "<NAME>"}';

const CREDENTIALS: readonly RegExp[] = [
  /\bsk-(?:ant-|proj-|live-|test-)?[A-Za-z0-9_-]{16,}/,
  /\bsk_(?:live|test)_[A-Za-z0-9]{16,}/,
  /\bgh[pousr]_[A-Za-z0-9]{16,}/,
  /\bgithub_pat_[A-Za-z0-9_]{16,}/,
  /\bglpat-[A-Za-z0-9_-]{16,}/,
  /\bnpm_[A-Za-z0-9]{30,}/,
  /\bxox[a-z]-[A-Za-z0-9-]{8,}/,
  /\bxapp-[A-Za-z0-9-]{8,}/,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\bAIza[0-9A-Za-z_-]{30,}/,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}/,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/,
  // With a digit or =, so that "Basic authentication" stays a phrase.
  /\b(?:Bearer|Basic)\s+(?=[^\s]*[\d=])[A-Za-z0-9._~+/=-]{12,}/i,
];
const PASSWORD_IN_URL = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/@"']{0,255}:[^\s/@"']{1,512}@/i;
/** `?access_token=…`, `--api-key=…`; what begins with $ is a variable of the shell. */
const NAMED_TOKEN = /(?:[?&]|\B--)(?:[a-z0-9_-]{0,60}(?:api[_-]?key|token|secret|passw(?:or)?d|signature)|sig)=(?!["']?\$)[^&\s]{8,}/i;
/** A name says that its value is a credential, unless the value is plainly none: a word, a number, a sentence. */
const CREDENTIAL_NAME = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$/i;
const RANDOM_LOOKING = /^(?=.*[A-Za-z])(?=.*\d)[^\s]{16,}$/;
const CREDENTIAL_HEADER = /^(?:authorization|proxy-authorization|cookie|(?:x-)?[a-z0-9-]*(?:api-?key|token|secret))$/i;

/** Long texts for Claude, not options: what people write there is theirs. */
const TEXTS_FOR_CLAUDE = new Set(['prompt', 'append_system_prompt', 'output_schema']);

export interface SecretLiteral {
  readonly path: (string | number)[];
  /** Completes "<field> …". Never quotes the value. */
  readonly message: string;
}

/** Every option of a create body, at any depth, that holds what looks like a credential. */
export function secretLiterals(body: Readonly<Record<string, unknown>>): SecretLiteral[] {
  return Object.entries(body).flatMap(([field, value]) => (TEXTS_FOR_CLAUDE.has(field) ? [] : inValue(value, [field])));
}

function inValue(value: unknown, path: (string | number)[]): SecretLiteral[] {
  if (typeof value === 'string') {
    const what = whatItLooksLike(value, path);
    return what === undefined ? [] : [{ path, message: `must not hold ${what}: ${INSTEAD}` }];
  }
  if (Array.isArray(value)) return value.flatMap((entry, index) => inValue(entry, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => inValue(entry, [...path, key]));
}

function whatItLooksLike(text: string, path: readonly (string | number)[]): string | undefined {
  if (PASSWORD_IN_URL.test(text)) return 'an address with a password';
  if (NAMED_TOKEN.test(text)) return 'a key, token or password';
  if (CREDENTIALS.some((pattern) => pattern.test(text))) return 'what looks like a credential';
  const name = String(path.at(-1));
  if (isIn('headers', path) && CREDENTIAL_HEADER.test(name)) return 'a literal in a header for credentials';
  const isVariable = isIn('env', path) || (path[0] === 'environment' && path.length === 2);
  return isVariable && CREDENTIAL_NAME.test(name) && RANDOM_LOOKING.test(text) ? 'what looks like a credential' : undefined;
}

/** `mcp_servers.<server>.<field>.<name>`, not the name of a secret below it. */
function isIn(field: string, path: readonly (string | number)[]): boolean {
  return path[0] === 'mcp_servers' && path[2] === field && path.length === 4;
}
