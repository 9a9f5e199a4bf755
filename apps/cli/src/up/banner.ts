// What `up` says when everything is ready.
import type { Paint } from '../style.js';
import { renderFields } from '../table.js';
import { plural } from '../units.js';

export interface ReadyFacts {
  readonly url: string;
  readonly dataDir: string;
  readonly workspaceRoots: readonly string[];
  readonly rootsFrom: 'RUNYARD_WORKSPACES' | 'default';
  readonly capacity: number;
  /** Variable by which the model is reached; undefined: the demo model stands in. */
  readonly credential: string | undefined;
  readonly redis: string;
  /** How the command is called. */
  readonly command: string;
  /** What the worker says is not ready. */
  readonly workerProblems: readonly string[];
}

/** A few lines with all that a newcomer needs next. */
export function readyBanner(facts: ReadyFacts, paint: Paint): string {
  const roots = facts.workspaceRoots.length === 0 ? 'only empty directories of their own' : `empty directories, and below ${facts.workspaceRoots.join(', ')}`;
  const hint = facts.rootsFrom === 'default' ? ' (set RUNYARD_WORKSPACES to narrow that)' : '';
  const fields = renderFields(
    [
      ['address', `${facts.url}   ${paint('dim', `key: ${facts.command} key`)}`],
      ['data', facts.dataDir],
      ['redis', facts.redis],
      ['worker', `${plural(facts.capacity, 'run')} at a time, in ${roots}${hint}`],
      ['model', facts.credential === undefined ? paint(['yellow', 'bold'], 'the offline demo model, not Claude') : `Claude, by ${facts.credential}`],
      ['try', `${facts.command} submit --follow "What is in this directory?" --here`],
      ['stop', 'Ctrl-C; runs that are at work may finish'],
    ],
    paint,
  );
  return ['', paint(['green', 'bold'], 'Runyard is ready.'), indent(fields), demoNotice(facts, paint), problemNotice(facts, paint), ''].filter((part) => part !== undefined).join('\n');
}

function demoNotice({ credential }: ReadyFacts, paint: Paint): string | undefined {
  if (credential !== undefined) return undefined;
  return box(['DEMO: no model key is set, so an offline demo model answers every prompt. It is not Claude.', 'For real work stop this and start it with a key:  ANTHROPIC_API_KEY=<your key> npm start'], paint);
}

function problemNotice({ workerProblems }: ReadyFacts, paint: Paint): string | undefined {
  return workerProblems.length === 0 ? undefined : box(['The worker is not ready, runs will wait or fail:', ...workerProblems], paint);
}

function box(lines: readonly string[], paint: Paint): string {
  return `${lines.map((line) => `  ${paint(['yellow', 'bold'], `┃ ${line}`)}`).join('\n')}\n`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
