// Markers that make the CLI use its tools for real.
import { z } from 'zod';
import { contentMarker, delayMs, kilobytes } from './marker.js';
import type { Marker } from './marker.js';
import { longText } from './prose-markers.js';
import { prose, reply, toolCall } from './reply.js';
import type { Block, Reply } from './reply.js';
import { misfitOf, sampleOf } from './schema-sample.js';
import { inWorkspace, SCHEMA_TOOL } from './scene.js';
import type { Scene } from './scene.js';

const path = z.string().min(1).max(4096);

function bash(command: string, description: string, more: Readonly<Record<string, unknown>> = {}): Block {
  return toolCall('Bash', { command, description, ...more });
}

/** Says in one line how the last tool call went, so that a denied one is not told as done. */
function outcomeText(scene: Scene): string {
  const last = scene.outcomes.at(-1);
  if (last === undefined) return 'Demo model: no tool was run.';
  return `Demo model: the tool ${last.isError ? 'failed' : 'answered'}: ${last.text.trim().slice(0, 200)}`;
}

/** Write, Read, Edit, Bash, one per round, then how the last of them went. */
function edit(file: string, scene: Scene): Reply {
  const at = inWorkspace(scene, file);
  const content = '# Demo\n\nWritten by the demo model.\nstate: draft\n';
  const rounds: Block[][] = [
    [prose('Demo model: writing a file.'), toolCall('Write', { file_path: at, content })],
    [prose('Demo model: reading it again.'), toolCall('Read', { file_path: at })],
    [prose('Demo model: changing one line.'), toolCall('Edit', { file_path: at, old_string: 'state: draft', new_string: 'state: done' })],
    [prose('Demo model: showing the result.'), bash(`cat '${file.replaceAll("'", String.raw`'\''`)}'`, 'Show the file')],
  ];
  return reply(...(rounds[scene.round] ?? [prose(outcomeText(scene))]));
}

function background(seconds: number, scene: Scene): Reply {
  if (scene.round === 0) {
    // Begins with echo: the CLI refuses a command that is only a sleep, and this one needs no permission.
    const command = `echo started && sleep ${seconds} && echo finished`;
    return reply(bash(command, 'Wait in the background', { run_in_background: true }));
  }
  return reply(prose(scene.round === 1 ? 'The command runs in the background.' : 'The background command has ended.'));
}

/** Calls the tool that takes structured output; once it has been called, says so. */
export function structuredOutput(scene: Scene, input: (schema: unknown) => unknown): Reply {
  const tool = scene.tools.find((offered) => offered.name === SCHEMA_TOOL);
  if (tool === undefined) return reply(prose('This request asks for no structured output.'));
  const made = input(tool.schema);
  return reply(toolCall(SCHEMA_TOOL, typeof made === 'object' && made !== null ? { ...made } : {}));
}

function schema(bad: boolean, scene: Scene): Reply {
  if (bad) return structuredOutput(scene, misfitOf);
  if (scene.outcomes.at(-1)?.isError === false) return reply(prose('The structured output is given.'));
  return structuredOutput(scene, sampleOf);
}

export const toolMarkers: Readonly<Record<string, Marker>> = {
  edit: contentMarker(
    '[[edit path=runyard-demo.md]]',
    'writes, reads, changes and shows a file: four tool rounds',
    z.strictObject({ path: path.default('runyard-demo.md') }),
    (args, scene) => edit(args.path, scene),
  ),
  bash: contentMarker(
    '[[bash cmd="echo hi" timeout=1000]]',
    'runs one command; timeout: milliseconds, as argument of the tool',
    z.strictObject({ cmd: z.string().min(1), timeout: z.coerce.number().int().min(1).optional() }),
    (args, scene) => {
      const more = args.timeout === undefined ? {} : { timeout: args.timeout };
      return scene.round === 0 ? reply(bash(args.cmd, 'Run a command', more)) : reply(prose(outcomeText(scene)));
    },
  ),
  write: contentMarker(
    '[[write path=big.txt kb=1]]',
    'writes a file of so many KiB',
    z.strictObject({ path: path.default('demo.txt'), kb: kilobytes.default(1) }),
    (args, scene) => {
      const input = { file_path: inWorkspace(scene, args.path), content: longText(args.kb).join('') };
      return scene.round === 0 ? reply(toolCall('Write', input)) : reply(prose(outcomeText(scene)));
    },
  ),
  loop: contentMarker(
    '[[loop delay=0]]',
    'a Bash call in every round, without end; delay: milliseconds before each',
    z.strictObject({ delay: delayMs.default(0) }),
    (args, scene) => ({ ...reply(bash(`echo round ${scene.round}`, 'Go round')), startDelayMs: args.delay }),
  ),
  background: contentMarker(
    '[[background seconds=3]]',
    'starts a command in the background and ends the turn',
    z.strictObject({ seconds: z.coerce.number().min(0).max(3600).default(3) }),
    (args, scene) => background(args.seconds, scene),
  ),
  schema: contentMarker(
    '[[schema bad=1]]',
    'gives structured output that fits the requested schema; bad=1: one that never fits',
    z.strictObject({ bad: z.enum(['0', '1']).default('0') }),
    (args, scene) => schema(args.bad === '1', scene),
  ),
};
