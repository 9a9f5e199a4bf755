// The marker that plays any sequence of blocks: `[[script {"rounds":[…]}]]`.
import { z } from 'zod';
import { contentMarker, delayMs } from './marker.js';
import type { Marker } from './marker.js';
import { prose, reply, toolCall, words } from './reply.js';
import type { Block, Reply } from './reply.js';
import type { Scene } from './scene.js';

const ScriptBlock = z.union([
  z.strictObject({ text: z.string(), delay: delayMs.optional() }),
  z.strictObject({ thinking: z.string(), delay: delayMs.optional() }),
  z.strictObject({ tool: z.string().min(1), input: z.record(z.string(), z.unknown()).default({}) }),
]);

const Script = z.strictObject({
  rounds: z
    .array(
      z.strictObject({
        blocks: z.array(ScriptBlock).max(1000),
        stop_reason: z.enum(['end_turn', 'tool_use', 'max_tokens', 'refusal']).optional(),
        /** Milliseconds before the round's first byte. */
        delay: delayMs.optional(),
      }),
    )
    .min(1)
    .max(1000),
});

function play(script: z.infer<typeof Script>, scene: Scene): Reply {
  const round = script.rounds[scene.round];
  if (round === undefined) return reply(prose('The script is over.'));
  const plain = reply(...round.blocks.map((block) => blockOf(block, scene)));
  return { ...plain, stopReason: round.stop_reason ?? plain.stopReason, startDelayMs: round.delay ?? 0 };
}

function blockOf(block: z.infer<typeof ScriptBlock>, scene: Scene): Block {
  if ('tool' in block) return toolCall(block.tool, placed(block.input, scene));
  if ('text' in block) return prose(block.text, block.delay);
  return { kind: 'thinking', pieces: words(block.thinking), delayMs: block.delay ?? 0 };
}

/** Puts the working directory for `{{cwd}}` in every string of a tool's input. */
function placed(input: Readonly<Record<string, unknown>>, scene: Scene): Record<string, unknown> {
  const swap = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? value.replaceAll('{{cwd}}', scene.workingDirectory ?? '.') : value;
  return z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(input), swap));
}

export const scriptMarkers: Readonly<Record<string, Marker>> = {
  script: contentMarker(
    '[[script {"rounds":[{"blocks":[{"tool":"Bash","input":{"command":"ls"}}]},{"blocks":[{"text":"end"}]}]}]]',
    'plays the rounds in order; blocks are text, thinking or tool with input; {{cwd}} in an input is the working directory; a round takes stop_reason and delay too',
    Script,
    play,
  ),
};
