// The answer without a marker: says what this is, shows one harmless tool call, and tells how to get the real thing.
import { prose, reply, toolCall } from './reply.js';
import type { Block, Reply } from './reply.js';
import { sampleOf } from './schema-sample.js';
import { offers, SCHEMA_TOOL } from './scene.js';
import type { Scene } from './scene.js';
import { structuredOutput } from './tool-markers.js';

// So that a person sees it flow.
const WORD_DELAY_MS = 15;
const MAX_QUOTE = 120;

const whatThisIs =
  'This is the offline demo model of Runyard. It is not Claude and no AI wrote this text: it is a small program that ' +
  'gives the same answer to every prompt, so that you can watch a run without an API key.';

const howToGoOn =
  'To run prompts with Claude, put `ANTHROPIC_API_KEY=<your key>` before the command that starts Runyard, `npm start` or ' +
  '`docker compose up`, and give it again. ' +
  'To see more of this demo model, put a marker such as `[[edit]]` or `[[think]]` in a prompt; docs/demo-model.md lists them.';

/** Round 0: an introduction and a listing of the workspace, if Bash is there. Round 1: what came of it. */
export function demoReply(prompt: string, scene: Scene): Reply {
  const listed = scene.round === 0 && offers(scene, 'Bash');
  if (listed) return reply(said(`${introduction(prompt)}\n\nFirst, one real tool call: Claude Code lists the workspace.`), listWorkspace());
  if (scene.round > 1) return reply(said('The offline demo of Runyard ends here.'));
  const opening = scene.round === 0 ? introduction(prompt) : whatTheToolSaid(scene);
  return reply(said(`${opening}\n\n${howToGoOn}`), ...structuredOutputIfAsked(scene));
}

function said(text: string): Block {
  return prose(text, WORD_DELAY_MS);
}

// Needs no permission in any mode of claude 2.1.330 and changes nothing: the workspace may be somebody's repository.
function listWorkspace(): Block {
  return toolCall('Bash', { command: 'ls -p | head -n 20', description: 'List the workspace' });
}

function introduction(prompt: string): string {
  const flat = prompt.replaceAll(/\s+/g, ' ');
  const quote = flat.length > MAX_QUOTE ? `${flat.slice(0, MAX_QUOTE)}…` : flat;
  return quote === '' ? whatThisIs : `${whatThisIs}\n\nYour prompt arrived: "${quote}"`;
}

function whatTheToolSaid(scene: Scene): string {
  const last = scene.outcomes.at(-1);
  if (last === undefined || last.isError) return 'Claude Code did not run the command, so there is no listing to show.';
  const names = last.text.split('\n').filter((line) => line.trim() !== '');
  const some = names.slice(0, 3).map((name) => `\`${name}\``).join(', ');
  if (names.length === 0 || last.text.startsWith('(')) return 'Claude Code really ran `ls`: the workspace is empty.';
  return `Claude Code really ran \`ls\`: ${names.length === 20 ? 'at least 20' : names.length} entries, beginning with ${some}.`;
}

/** Without this the CLI would ask again and again for the output that the run's schema demands. */
function structuredOutputIfAsked(scene: Scene): readonly Block[] {
  return offers(scene, SCHEMA_TOOL) ? structuredOutput(scene, sampleOf).blocks : [];
}
