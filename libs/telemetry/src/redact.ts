// Removes secrets from text that is about to be written: values that look like credentials, and fields whose name says so.

const REDACTED = '[redacted]';

// Fields that are not logged whatever they hold. Prompts and answers belong to their run, not to the log.
const hiddenFields = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  '[a-z0-9_-]*api[_-]?key',
  'key',
  'private[_-]?key',
  '[a-z0-9_-]*passw(?:or)?d',
  '[a-z0-9_-]*passphrase',
  '[a-z0-9_-]*secret',
  'credentials?',
  'token',
  '[a-z0-9_-]*(?:access|auth|oauth|refresh|bearer|session|api|id)[_-]?token',
  'prompt',
  '[a-z0-9_-]*system[_-]?prompt',
].join('|');

// A JSON string, or a flat array of JSON strings (repeated headers).
const jsonString = String.raw`"(?:[^"\\]|\\.)*"`;
const field = new RegExp(String.raw`"(${hiddenFields})":(?:${jsonString}|\[${jsonString}(?:,${jsonString})*\])`, 'gi');
// The same inside a string that holds JSON itself: every quote has a backslash in front.
const nestedField = new RegExp(String.raw`\\"(${hiddenFields})\\":\s*\\"(?:[^"\\]|\\\\.)*\\"`, 'gi');

// Quantifiers are bounded, so that a long line costs time in proportion to its length.
const values: readonly (readonly [RegExp, string])[] = [
  [/\bsk-[A-Za-z0-9_-]{12,512}/g, REDACTED],
  [/\bgh[pousr]_[A-Za-z0-9]{16,255}/g, REDACTED],
  [/\bgithub_pat_[A-Za-z0-9_]{16,255}/g, REDACTED],
  [/\bglpat-[A-Za-z0-9_-]{16,255}/g, REDACTED],
  [/\bnpm_[A-Za-z0-9]{30,255}/g, REDACTED],
  [/\bxox[a-z]-[A-Za-z0-9-]{8,255}/g, REDACTED],
  [/\bxapp-[A-Za-z0-9-]{8,255}/g, REDACTED],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, REDACTED],
  [/\bAIza[0-9A-Za-z_-]{30,64}/g, REDACTED],
  [/\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{4,2048}/g, REDACTED],
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----)){0,16384}-----END [A-Z ]{0,40}PRIVATE KEY-----/g, REDACTED],
  [/\b(Bearer)\s{1,4}[A-Za-z0-9._~+/=-]{8,4096}/gi, `$1 ${REDACTED}`],
  [/\b(Authorization:\s{0,4}Basic)\s{1,4}[A-Za-z0-9+/=]{4,4096}/gi, `$1 ${REDACTED}`],
  [/(:\/\/[^\s:/@"]{0,255}):[^\s@"/]{1,512}@/g, `$1:${REDACTED}@`],
];

/** Replaces values that look like credentials (model keys, tokens of Git hosts and Slack, JWTs, private keys, passwords in URLs) by `[redacted]`. */
export function redactSecrets(text: string): string {
  let redacted = text;
  for (const [pattern, replacement] of values) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

/** Redacts one line of JSON, also by field name at any depth; the line stays JSON. */
export function redactJsonLine(line: string): string {
  const named = line.replace(field, `"$1":"${REDACTED}"`).replace(nestedField, String.raw`\"$1\":\"${REDACTED}\"`);
  return redactSecrets(named);
}
