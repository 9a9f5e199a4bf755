// A process that ended without a result → the failure. Pure.
import { failure } from '@runyard/domain';
import type { Failure, FailureCode } from '@runyard/domain';
import type { ClaudeExit, SpawnError } from './claude-process.js';

/** The CLI turns these signals into exit codes by itself. */
const SIGNAL_CODES: Readonly<Record<number, string>> = { 129: 'SIGHUP', 130: 'SIGINT', 137: 'SIGKILL', 143: 'SIGTERM' };
const DISK_FULL = /ENOSPC|no space left on device/i;
const SESSION_UNKNOWN = /no conversation found with session id|requires a valid session id/i;
/** The machine's fault, not that of the options. */
const ENVIRONMENT = /could not start|\bE(ROFS|ACCES|PERM|NOENT|MFILE|NOMEM)\b|panic|segmentation|out of memory/i;
const RUNTIME_OUT_OF_MEMORY = /\b(out of memory|bad_alloc|allocation failed)\b/i;
const MAX_LINE_CHARACTERS = 2_000;

/** Of a process that never ran. */
export function spawnFailure(error: SpawnError): Failure {
  return failure(spawnCode(error), `claude could not be started: ${error.message} (${error.code}).`);
}

function spawnCode({ code, missing }: SpawnError): FailureCode {
  if (missing === 'directory') return 'workspace_failed';
  if (missing === 'binary' || code === 'EACCES' || code === 'ENOEXEC' || code === 'EPERM') return 'claude_not_found';
  if (code === 'E2BIG' || code === 'ERR_INVALID_ARG_VALUE') return 'invalid_options';
  return code === 'ENOMEM' ? 'out_of_memory' : 'internal';
}

export interface ExitSigns {
  /** The tail of stderr. */
  readonly stderr: string;
  /** It printed at least one message. */
  readonly sawMessage: boolean;
  /** How many processes the kernel has ended for want of memory in the seconds before this one ended, where that is known. */
  readonly oomKills?: number | undefined;
}

/** Of a process that ran and printed no result. */
export function exitFailure(exit: ClaudeExit, { stderr, sawMessage, oomKills }: ExitSigns): Failure {
  const signal = signalOf(exit);
  if (signal !== undefined) return endedBy(signal, stderr, oomKills, '');
  const line = tellingLine(stderr);
  if (exit.code === 0) return failure('no_output', 'claude ended without a result.');
  if (DISK_FULL.test(stderr)) return failure('disk_full', line);
  if (SESSION_UNKNOWN.test(stderr)) return failure('session_not_found', line);
  if (!sawMessage && line !== '' && !ENVIRONMENT.test(stderr)) return failure('invalid_options', line);
  return failure('exited', `claude ended with code ${exit.code} and no result${line === '' ? '' : `: ${line}`}`);
}

/** Of a process that printed a result without error and then did not exit with 0: it may have been in its next turn. */
export function exitAfterResult(exit: ClaudeExit, { stderr, oomKills }: Pick<ExitSigns, 'stderr' | 'oomKills'>): Failure {
  const signal = signalOf(exit);
  if (signal !== undefined) return endedBy(signal, stderr, oomKills, ' after its result');
  return failure('exited', `claude ended with code ${exit.code} although its result has no error.`);
}

/** The kernel's SIGKILL looks like anybody's: the count of its kills tells them apart. A runtime out of memory says so and aborts. */
function endedBy(signal: string, stderr: string, oomKills: number | undefined, when: string): Failure {
  const byKernel = signal === 'SIGKILL' && oomKills !== undefined && oomKills > 0;
  const byItself = signal !== 'SIGKILL' && RUNTIME_OUT_OF_MEMORY.test(stderr);
  if (byKernel) return failure('out_of_memory', `claude was ended by the kernel for want of memory${when}.`);
  if (byItself) return failure('out_of_memory', `claude ran out of memory and aborted${when} (${signal}).`);
  return failure('killed', `claude was ended by ${signal}${when}.`);
}

function signalOf(exit: ClaudeExit): string | undefined {
  return exit.signal ?? SIGNAL_CODES[exit.code ?? 0];
}

/** The line that says what is wrong: the first that looks like an error, else the last one. */
function tellingLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const telling = lines.find((line) => /^(error|fatal)\b/i.test(line)) ?? lines.at(-1) ?? '';
  return telling.slice(0, MAX_LINE_CHARACTERS);
}
