// Errors → what the user reads on stderr and the exit code. Every line that says what failed is followed by what to do.
import { ApiProblem, ServerUnreachable } from '@runyard/api-client';
import { commandSetting, SettingsError } from '@runyard/config';
import { PROBLEM_KINDS } from '@runyard/domain';
import type { Target } from './connection.js';
import type { Context } from './context.js';
import { commandName } from './context.js';
import { EXIT, Interrupted, Refusal } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { oneLine } from './text.js';

export interface Explanation {
  readonly exitCode: ExitCode;
  /** Without colours; the first says what is wrong, the others what to do. */
  readonly lines: readonly string[];
}

/** What an error means. `target` is where the command looked, when it got that far. Errors that nobody foresaw are told without a stack. */
export function explainError(error: unknown, context: Pick<Context, 'cwd' | 'root' | 'env'>, target?: Target): Explanation {
  if (error instanceof Interrupted) return { exitCode: EXIT.interrupted, lines: ['Interrupted.'] };
  if (error instanceof Refusal) return { exitCode: error.exitCode, lines: [error.message, error.next] };
  if (error instanceof SettingsError) return { exitCode: EXIT.usage, lines: error.message.split('\n') };
  if (error instanceof ServerUnreachable) return explainUnreachable(error, context, target);
  if (error instanceof ApiProblem) return explainProblem(error, context, target);
  if (error instanceof TypeError && /API key|address/.test(error.message)) {
    return { exitCode: EXIT.usage, lines: [`${error.message}.`, 'Correct RUNYARD_URL, RUNYARD_API_KEY or the files in the data directory.'] };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT.failed, lines: [`Something that should not happen: ${oneLine(message)}`, 'Please report it, with the command that you gave.'] };
}

function explainUnreachable(error: ServerUnreachable, context: Pick<Context, 'cwd' | 'root' | 'env'>, target?: Target): Explanation {
  return { exitCode: EXIT.unreachable, lines: [`${error.message}.`, unreachableAdvice(context, target)] };
}

function unreachableAdvice({ cwd, root, env }: Pick<Context, 'cwd' | 'root' | 'env'>, target?: Target): string {
  if (target?.urlFrom === 'RUNYARD_URL') return 'Check RUNYARD_URL and that the server runs.';
  if (target?.stackAlive) return 'The local stack is starting or in trouble: look at the terminal where it runs.';
  if (commandSetting(env) !== undefined) return 'It is starting or in trouble: look at its log (docker compose logs api).';
  const start = cwd === root ? 'npm start' : `npm start --prefix ${root}`;
  const gone = target?.urlFrom === 'server.json' ? 'The local stack that was there is gone. ' : '';
  return `${gone}Start Runyard: ${start}   (or set RUNYARD_URL to a server that runs)`;
}

function explainProblem(problem: ApiProblem, context: Pick<Context, 'cwd' | 'root' | 'env'>, target?: Target): Explanation {
  const fields = problem.errors.map((error) => `${error.field}: ${oneLine(error.message)}`);
  const lines = [oneLine(problem.detail), ...fields];
  switch (problem.status) {
    case 401:
    case 403:
      return { exitCode: EXIT.notAuthorized, lines: [...lines, authorizationAdvice(problem, target)] };
    case 404:
      return { exitCode: EXIT.notFound, lines: [...lines, `${commandName(context)} ${listFor(problem.detail)}`] };
    case 400:
    case 413:
    case 422:
      return { exitCode: EXIT.usage, lines };
    case 503:
      return { exitCode: EXIT.unreachable, lines: [...lines, 'Try again in a moment; if it stays so, look at the log of the server.'] };
    default:
      return { exitCode: EXIT.failed, lines: [...lines, ...traceOf(problem)] };
  }
}

/** What lists the kind of thing that the API did not find. */
function listFor(detail: string): string {
  if (/no such schedule/.test(detail)) return 'schedules ls lists the schedules there are.';
  return 'ps -a lists the runs there are.';
}

function authorizationAdvice(problem: ApiProblem, target?: Target): string {
  if (problem.code === 'forbidden') return PROBLEM_KINDS.forbidden.hint;
  if (target?.keyFrom === 'RUNYARD_API_KEY') return 'The key in RUNYARD_API_KEY is not the one of that server.';
  if (target?.keyFrom === 'admin.key') return `The key in ${target.dataDir}/admin.key is not the one of that server: set RUNYARD_API_KEY.`;
  return `There is no key in ${target?.dataDir ?? 'the data directory'}: set RUNYARD_API_KEY, or RUNYARD_DATA_DIR to the server's data directory.`;
}

function traceOf(problem: ApiProblem): string[] {
  const id = problem.requestId === undefined ? '' : ` and the request id ${problem.requestId}`;
  return problem.status >= 500 ? [`Look for it in the log of the server; to report it, give the code ${problem.code}${id}.`] : [];
}
