// `runyard schedules`: runs that are made by themselves.
import type { ApiClient } from '@runyard/api-client';
import type { PutSchedule, Schedule } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { explainError } from './explain-error.js';
import { outputOption, printMany, printOne, toJson } from './output.js';
import type { OutputFormat } from './output.js';
import { printError } from './print-error.js';
import { scheduleId } from './schedule-id.js';
import { readSchedulesFile } from './schedules-file.js';
import { nameOf, scheduleTable, slotTable } from './schedules-table.js';

interface Shown {
  readonly output?: OutputFormat;
}

/** Adds the commands to the program. */
export function addSchedules(program: Command, finish: Finish): void {
  const schedules = program.command('schedules').summary('runs that are made by themselves').description('Makes, lists and runs schedules: rules that make runs by themselves.').helpCommand(false);
  const add = (name: string, description: string): Command => schedules.command(name).description(description);
  add('ls', 'Lists the schedules.')
    .addOption(outputOption())
    .action((options: Shown) => finish((context) => list(context, options)));
  add('apply', 'Makes or changes the schedules of a YAML file: all of them, or none when one cannot be used. Others stay as they are, and so does a paused one that the file does not give "enabled".')
    .requiredOption('-f, --file <file>', 'the file, - for standard input: schedules: {<name>: {cron or every_seconds, timezone, …, run: {prompt, …}}}')
    .addOption(outputOption())
    .action((options: Shown & { file: string }) => finish((context) => apply(context, options)));
  add('slots', 'Lists what happened at the latest due times of a schedule: a run, or why there was none.')
    .argument('<name>')
    .addOption(outputOption().choices(['table', 'json']))
    .action((name: string, options: Shown) => finish((context) => slots(context, name, options)));
  add('run', 'Makes a run of a schedule now and prints its id.')
    .argument('<name>')
    .addOption(outputOption())
    .action((name: string, options: Shown) => finish((context) => runNow(context, name, options)));
  add('pause', 'Lets the due times of schedules pass without a run.')
    .argument('<name...>')
    .action((names: string[]) => finish((context) => enable(context, names, false)));
  add('resume', 'Lets schedules make runs again.')
    .argument('<name...>')
    .action((names: string[]) => finish((context) => enable(context, names, true)));
  add('rm', 'Forgets schedules. Their runs stay.')
    .argument('<name...>')
    .action((names: string[]) => finish((context) => forEach(context, names.map(scheduleId), (client, id, signal) => client.schedules.delete(id, { signal }).then(() => 'forgotten'))));
}

async function list(context: Context, { output = 'table' }: Shown): Promise<ExitCode> {
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const all: Schedule[] = [];
    for await (const schedule of client.schedules.list({ signal })) all.push(schedule);
    printMany(context.stdout, output, all, () => scheduleTable(all, context));
    const [refused] = all.filter(({ enabled, last_slot }) => enabled && last_slot?.reason === 'refused');
    if (refused) hint(context, `${refused.id} made no run when it was last due. Why: ${commandName(context)} schedules slots ${nameOf(refused)}`);
    if (all.length === 0) hint(context, `No schedules yet. Try: ${commandName(context)} schedules apply -f schedules.yaml`);
    return EXIT.ok;
  });
}

async function apply(context: Context, { file, output }: Shown & { readonly file: string }): Promise<ExitCode> {
  const entries = new Map((await readSchedulesFile(file, context.stdin)).map(({ id, body }) => [id, body]));
  const applied: Schedule[] = [];
  const faults = await forEach(context, [...entries.keys()], (client, id, signal) => client.schedules.check(id, entries.get(id) ?? {}, { signal }).then(() => undefined));
  if (faults !== EXIT.ok) {
    hint(context, 'Nothing was changed. Correct the file and apply it again.');
    return faults;
  }
  const exitCode = await forEach(context, [...entries.keys()], async (client, id, signal) => {
    const body = entries.get(id) ?? {};
    const schedule = await client.schedules.put(id, body, { signal });
    applied.push(schedule);
    if (output !== undefined) return undefined;
    return body.enabled === undefined && !schedule.enabled ? 'applied (stays paused)' : 'applied';
  });
  if (output !== undefined) printMany(context.stdout, output, applied, () => scheduleTable(applied, context));
  return exitCode;
}

function slots(context: Context, name: string, { output = 'table' }: Shown): Promise<ExitCode> {
  return forEach(context, [scheduleId(name)], async (client, id, signal) => {
    const latest = await client.schedules.slots(id, { limit: 100, signal });
    context.stdout.write(output === 'json' ? `${toJson({ data: latest, next_page: null }, 2)}\n` : slotTable(latest, context));
    if (latest.length === 0) hint(context, `${id} has not been due yet.`);
    return undefined;
  });
}

function runNow(context: Context, name: string, { output = 'id' }: Shown): Promise<ExitCode> {
  return forEach(context, [scheduleId(name)], async (client, id, signal) => {
    const run = await client.schedules.run(id, { signal });
    printOne(context.stdout, output, run, { id: run.id, table: () => `${run.id} ${run.status}\n` });
    hint(context, `${id} made a run. Watch it: ${commandName(context)} logs -f ${run.id}`);
    return undefined;
  });
}

function enable(context: Context, names: readonly string[], enabled: boolean): Promise<ExitCode> {
  return forEach(context, names.map(scheduleId), async (client, id, signal) => {
    await client.schedules.put(id, { ...bodyOf(await client.schedules.get(id, { signal })), enabled }, { signal });
    return enabled ? 'resumed' : 'paused';
  });
}

/** Prints the word, if any, for what became of each; one that fails does not keep the others. */
async function forEach(context: Context, ids: readonly string[], work: (client: ApiClient, id: string, signal: AbortSignal) => Promise<string | undefined>): Promise<ExitCode> {
  const { client, target } = await connect(context);
  return interruptible(context, async (signal) => {
    let exitCode: ExitCode = EXIT.ok;
    for (const id of ids) {
      try {
        const word = await work(client, id, signal);
        if (word !== undefined) context.stdout.write(`${id} ${word}\n`);
      } catch (error) {
        const explanation = explainError(error, context, target);
        if (explanation.exitCode !== EXIT.notFound && explanation.exitCode !== EXIT.failed && explanation.exitCode !== EXIT.usage) throw error;
        printError(context, { lines: explanation.lines.map((line, i) => (i === 0 ? `${id}: ${line}` : line)) });
        exitCode = explanation.exitCode;
      }
    }
    return exitCode;
  });
}

/** The schedule as PUT takes it. */
function bodyOf({ cron, every_seconds, timezone, enabled, overlap, missed, jitter_seconds, run }: Schedule): PutSchedule {
  const due = every_seconds === null ? { cron: cron ?? '' } : { every_seconds };
  return { ...due, timezone, enabled, overlap, missed, jitter_seconds, run };
}
