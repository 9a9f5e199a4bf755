// Shows a run live until it is over: events in, lines and a status line out.
import type { ApiClient } from '@runyard/api-client';
import { isTerminal } from '@runyard/domain';
import type { Outcome, Run, RunEvent } from '@runyard/domain';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { RunProgress } from './live/run-progress.js';
import { RunView } from './live/run-view.js';
import { createScreen } from './live/screen.js';
import type { Screen } from './live/screen.js';
import { outcomeLines } from './outcome-lines.js';
import type { OutputFormat } from './output.js';
import { toJson } from './output.js';
import { painter } from './style.js';

export interface FollowRun {
  readonly client: ApiClient;
  readonly run: Run;
  readonly format: OutputFormat;
  readonly signal: AbortSignal;
}

/** Follows a run to its end; the exit code says how it ended. @throws the reason of `signal` when that is aborted first */
export async function followRun(context: Context, follow: FollowRun): Promise<ExitCode> {
  const outcome = follow.format === 'ndjson' ? await printEvents(context, follow) : await showEvents(context, follow);
  if (follow.signal.aborted) throw follow.signal.reason;
  const ended = outcome ?? (await follow.client.run(follow.run.id, { signal: follow.signal }));
  if (follow.format === 'json') context.stdout.write(`${toJson(await follow.client.run(follow.run.id), 2)}\n`);
  context.stderr.write(outcomeLines(ended, painter(context.stderr)));
  return ended.status === 'succeeded' ? EXIT.ok : EXIT.failed;
}

async function printEvents({ stdout }: Context, { client, run, signal }: FollowRun): Promise<Outcome | undefined> {
  for await (const event of client.follow(run.id, { signal, deltas: false })) {
    stdout.write(`${toJson(event)}\n`);
    if (event.type === 'run.finished') return event.data as Outcome;
  }
  return undefined;
}

async function showEvents(context: Context, { client, run, format, signal }: FollowRun): Promise<Outcome | undefined> {
  // With -o json or id the standard output belongs to that; people still see the run on stderr.
  const out = format === 'table' ? context.stdout : context.stderr;
  if (format === 'id') context.stdout.write(`${run.id}\n`);
  const screen = createScreen(out, context.env);
  const progress = new RunProgress(run, Date.now());
  const view = new RunView({ paint: painter(out), width: out.columns });
  const refresh = (): void => screen.status(progress.line(Date.now(), screen.width, painter(context.stderr)));
  const timer = setInterval(refresh, 500);
  refresh();
  try {
    let toldOf = '';
    const onReconnect = ({ reason }: { reason: string }): void => {
      progress.disconnected(reason);
      // A live screen has its status line for this; elsewhere silence would look like a run that hangs.
      if (!screen.live && reason !== toldOf) context.stderr.write(`runyard: not connected (${reason}); trying again, the run goes on\n`);
      toldOf = reason;
    };
    for await (const event of client.follow(run.id, { signal, deltas: screen.live, onReconnect })) {
      toldOf = '';
      progress.feed(event);
      show(screen, view, event);
      if (event.type === 'run.finished') return event.data as Outcome;
      refresh();
    }
    return undefined;
  } finally {
    clearInterval(timer);
    screen.close();
    if (screen.live) out.write('\n');
  }
}

/** Prints what has happened so far, without waiting for more. */
export async function showHistory(context: Context, { client, run, format, signal }: FollowRun): Promise<void> {
  const view = new RunView({ paint: painter(context.stdout), width: context.stdout.columns });
  const screen = createScreen(context.stdout, context.env);
  let outcome: Outcome | undefined;
  for await (const event of client.events(run.id, { deltas: false, signal })) {
    if (format === 'ndjson' || format === 'json') context.stdout.write(`${toJson(event)}\n`);
    else show(screen, view, event);
    if (event.type === 'run.finished') outcome = event.data as Outcome;
  }
  screen.close();
  if (outcome && isTerminal(outcome.status)) context.stderr.write(outcomeLines(outcome, painter(context.stderr)));
}

function show(screen: Screen, view: RunView, event: RunEvent): void {
  for (const piece of view.feed(event)) {
    if (piece.kind === 'line') screen.line(piece.text);
    else if (piece.kind === 'text') screen.text(piece.text);
    else screen.endText();
  }
}

