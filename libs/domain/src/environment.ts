// Variables that a run gives to its claude process, and those it may not give.
import { z } from 'zod';
import { LIMITS } from './limits.js';
import { textOrSecret } from './secret-reference.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;

/**
 * Names that Runyard or the operator decides, because the claude process itself listens to them: where it keeps its files,
 * which model it asks with which credential and through which proxy, what is loaded into it, what the watchdogs count on.
 */
const DECIDED = new Set([
  'PATH', 'HOME', 'SHELL', 'USER', 'LOGNAME', 'PWD', 'TMPDIR', 'TMP', 'TEMP', 'ENV', 'BASH_ENV', 'IFS', 'IS_SANDBOX', 'CLAUDECODE',
  'API_TIMEOUT_MS', 'BASH_DEFAULT_TIMEOUT_MS', 'BASH_MAX_TIMEOUT_MS', 'MCP_TIMEOUT', 'MCP_TOOL_TIMEOUT', 'DISABLE_TELEMETRY', 'DISABLE_AUTOUPDATER',
  'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED',
]);
const DECIDED_PREFIXES = ['RUNYARD_', 'CLAUDE_', 'ANTHROPIC_', 'LD_', 'DYLD_', 'BUN_'];

/** True when a run may not set this variable. Proxies are read in either case. */
export function isDecidedVariable(name: string): boolean {
  return DECIDED.has(name) || /_PROXY$/i.test(name) || DECIDED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

export const VariableName = z.string().regex(NAME, 'must be named with letters, digits and _, not beginning with a digit');

export const Environment = z
  .record(VariableName, textOrSecret())
  .superRefine((variables, context) => {
    const names = Object.keys(variables);
    if (names.length > LIMITS.environmentVariables) context.addIssue({ code: 'custom', message: `must not have more than ${LIMITS.environmentVariables} variables` });
    for (const name of names.filter(isDecidedVariable)) {
      context.addIssue({ code: 'custom', path: [name], message: 'is decided by Runyard or by the operator of the worker: use another name, or set it inside the commands of the run' });
    }
  })
  .describe('Variables for claude and everything it starts: a text, or {"secret": NAME}. Names that Runyard or the CLI decide are refused.');
export type Environment = z.infer<typeof Environment>;
