// What Claude says to the user in one event, as text.
import type { StoredEvent } from '@runyard/run-store';
import { z } from 'zod';

const AssistantLine = z.object({
  parent_tool_use_id: z.string().nullish(),
  message: z.object({ content: z.array(z.union([z.object({ type: z.literal('text'), text: z.string() }), z.object({ type: z.string() })])) }),
});

/** The text of a complete message of the main conversation; undefined for everything else, also for what subagents say among themselves. */
export function messageText(event: Pick<StoredEvent, 'type' | 'data'>): string | undefined {
  if (event.type !== 'claude.assistant') return undefined;
  const line = AssistantLine.safeParse(parse(event.data));
  if (!line.success || typeof line.data.parent_tool_use_id === 'string') return undefined;
  const texts = line.data.message.content.flatMap((block) => ('text' in block && block.text.trim() !== '' ? [block.text] : []));
  return texts.length > 0 ? texts.join('\n') : undefined;
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
}
