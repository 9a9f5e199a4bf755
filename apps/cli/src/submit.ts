// `runyard submit`: a prompt becomes a run; nothing more, or wait for its end, or watch it.
import type { ApiClient } from '@runyard/api-client';
import { EFFORTS, isTerminal, PERMISSION_MODES, RECOVERIES } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import { Option } from 'commander';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { collect, parseAmount, parsePriority, parseSeconds, parseTime, parseWholeNumber } from './option-parsers.js';
import { createBody } from './create-body.js';
import type { RunOptions } from './create-body.js';
import { EXIT, Interrupted } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { followRun } from './follow-run.js';
import { outcomeLines } from './outcome-lines.js';
import { outputOption, printOne, toJson } from './output.js';
import type { OutputFormat } from './output.js';
import { readMcpConfig } from './read-mcp-config.js';
import { readPrompt, readSchema } from './read-prompt.js';
import { resolveRunId } from './run-ids.js';
import { runTable } from './run-table.js';
import { painter } from './style.js';
import { visible } from './text.js';
import { undecidedHint } from './undecided-hint.js';
import { untilTerminal } from './until-terminal.js';

interface SubmitOptions extends RunOptions {
  readonly file?: string;
  readonly outputSchema?: string;
  readonly mcpConfig?: string;
  readonly wait?: boolean;
  readonly follow?: boolean;
  readonly output?: OutputFormat;
}

/** Adds the command to the program. */
export function addSubmit(program: Command, finish: Finish): void {
  program
    .command('submit')
    .summary('run a prompt')
    .description('Runs a prompt with Claude Code on a worker and prints the id of the run.')
    .argument('[prompt...]', 'what Claude is asked; - takes it from standard input')
    .option('-f, --file <path>', 'take the prompt, or the rest of it, from a file; - for standard input')
    .option('--here', 'work in this directory instead of an empty one')
    .addOption(new Option('-w, --wait', 'wait for the end and print the answer').conflicts('follow'))
    .option('-F, --follow', 'watch the run; Ctrl-C stops watching, not the run')
    .addOption(outputOption())
    .addOption(new Option('--model <name>', 'model to use'))
    .option('--fallback-model <names>', 'models to use while that one is overloaded, separated by commas')
    .addOption(new Option('--effort <level>', 'how hard the model thinks').choices(EFFORTS))
    .addOption(new Option('--permission-mode <mode>', 'what tools may do without being allowed').choices(PERMISSION_MODES))
    .option('--allow <tool>', 'tool that needs no permission, such as "Bash(npm test)"; may be repeated', collect)
    .option('--disallow <tool>', 'tool that Claude does not get; may be repeated', collect)
    .option('--append-system-prompt <text>', 'further instructions')
    .option('--env <NAME=value>', 'variable for the run; NAME=secret:SECRET takes a secret of the worker; may be repeated', collect)
    .option('--mcp-config <file>', 'MCP servers for the run: JSON as Claude has it')
    .option('--output-schema <file>', 'JSON Schema the answer must fit')
    .option('--max-turns <n>', 'end after so many turns', parseWholeNumber)
    .option('--max-budget <usd>', 'end when it has cost so many dollars', parseAmount)
    .option('--timeout <time>', 'end after so long: 90, 15m, 2h', parseSeconds)
    .option('--priority <n>', 'from -10 to 10; a higher number is taken sooner', parsePriority)
    .option('--at <time>', 'not before this time: 2026-12-31T23:00, or so long from now: 15m, 2h', parseTime)
    .option('--expires <time>', 'give up when no worker has taken it for so long: 90, 15m, 2h', parseSeconds)
    .addOption(new Option('--recovery <how>', 'what becomes of it when its worker is lost; default auto').choices(RECOVERIES))
    .option('--session <id>', 'continue a session; the id of a run stands for its session')
    .option('--fork', 'continue a copy of the session')
    .option('--name <text>', 'name for people')
    .option('--tag <tag>', 'tag to find it by; may be repeated', collect)
    .option('--metadata <name=value>', 'note on the run; may be repeated', collect)
    .action((words: string[], options: SubmitOptions) => finish((context) => submit(context, words, options)));
}

async function submit(context: Context, words: readonly string[], options: SubmitOptions): Promise<ExitCode> {
  const prompt = await readPrompt(words, options.file, context.stdin);
  const outputSchema = options.outputSchema === undefined ? undefined : await readSchema(options.outputSchema);
  const mcpServers = options.mcpConfig === undefined ? undefined : await readMcpConfig(options.mcpConfig);
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const session = await sessionOf(client, options.session, signal);
    const body = createBody({ ...options, ...(session === undefined ? {} : { session }) }, { prompt, cwd: context.cwd, outputSchema, mcpServers });
    const run = await client.createRun(body, { signal });
    try {
      if (options.follow) return await follow(context, client, run, options.output ?? 'table', signal);
      if (options.wait) return await wait(context, client, run, options.output ?? 'table', signal);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      context.stderr.write(detachedText(context, run));
      return EXIT.interrupted;
    }
    printOne(context.stdout, options.output ?? 'id', run, { id: run.id, table: () => runTable([run], context) });
    hint(context, `Watch it: ${commandName(context)} logs -f ${run.id}`);
    return EXIT.ok;
  });
}

async function follow(context: Context, client: ApiClient, run: Run, output: OutputFormat, signal: AbortSignal): Promise<ExitCode> {
  hint(context, run.id);
  return followRun(context, { client, run, format: output, signal });
}

async function wait(context: Context, client: ApiClient, run: Run, output: OutputFormat, signal: AbortSignal): Promise<ExitCode> {
  hint(context, run.id);
  const ended = await untilTerminal(client, run, { signal, onWaiting: undecidedHint(context) });
  printOne(context.stdout, output, ended, { id: ended.id, table: () => answerText(ended) });
  if (isTerminal(ended.status)) context.stderr.write(outcomeLines(ended, painter(context.stderr)));
  return ended.status === 'succeeded' ? EXIT.ok : EXIT.failed;
}

function answerText(run: Run): string {
  if (run.structured_output !== null) return `${toJson(run.structured_output, 2)}\n`;
  return run.result === null || run.result === '' ? '' : `${visible(run.result)}\n`;
}

async function sessionOf(client: ApiClient, session: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (session === undefined || !/^(run_|last$)/.test(session)) return session;
  return (await client.run(await resolveRunId(client, session, signal), { signal })).session_id;
}

/** What is said when somebody stops watching. */
export function detachedText(context: Context, run: Pick<Run, 'id'>): string {
  const name = commandName(context);
  return `\nDetached; the run goes on.\n  watch again  ${name} logs -f ${run.id}\n  end it       ${name} cancel ${run.id}\n`;
}
