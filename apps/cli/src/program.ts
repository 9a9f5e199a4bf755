// The command line: which commands there are, and how each of them ends.
import { Command, CommanderError } from 'commander';
import { addCancel } from './cancel.js';
import { findTarget } from './connection.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { explainError } from './explain-error.js';
import { addKey } from './key.js';
import { addLogs } from './logs.js';
import { printError } from './print-error.js';
import { addPs } from './ps.js';
import { addQueue } from './queue.js';
import { addRecover } from './recover.js';
import { addRetry } from './retry.js';
import { addRm } from './rm.js';
import { addSchedules } from './schedules.js';
import { addShow } from './show.js';
import { addStatus } from './status.js';
import { painter } from './style.js';
import { addSubmit } from './submit.js';
import { addUp } from './up/up.js';
import { addWait } from './wait.js';
import { addWorkers } from './workers.js';

const ADD = [addUp, addSubmit, addPs, addShow, addLogs, addWait, addCancel, addRecover, addRetry, addRm, addSchedules, addStatus, addQueue, addWorkers, addKey];

const HELP = `
Examples:
  runyard submit --follow --here "Add a test for the parser"
  git diff | runyard submit --wait "Review this change" -
  runyard logs -f last

Exit codes: 0 ok, 1 the run or the command failed, 2 usage, 3 not found, 4 not authorized, 5 no server, 124 time is over, 130 interrupted.
Settings: RUNYARD_URL, RUNYARD_API_KEY, RUNYARD_DATA_DIR, NO_COLOR; see docs/configuration.md.`;

/** Runs the command that `argv` (without node and script) asks for. Returns the exit code; never throws. */
export async function runCommand(argv: readonly string[], context: Context, version: string): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const finish: Finish = async (work) => {
    exitCode = await work(context);
  };
  try {
    await buildProgram(context, finish, version).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed what is wrong, or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const target = await findTarget(context).catch(() => undefined);
    const explanation = explainError(error, context, target);
    printError(context, explanation);
    return explanation.exitCode;
  }
}

function buildProgram(context: Context, finish: Finish, version: string): Command {
  const paint = painter(context.stderr);
  const program = new Command('runyard')
    .description('A self-hosted run queue for Claude Code.')
    .version(version, '-V, --version')
    .helpCommand(false)
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, paint('red', 'runyard:'))),
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
    });
  for (const add of ADD) add(program, finish);
  return program;
}
