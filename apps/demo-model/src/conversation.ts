// Reads where a conversation stands: the last thing a person said, and what has been answered to it since.
import { textOf, textOfBlock } from './messages-request.js';
import type { ContentBlock, MessagesRequest } from './messages-request.js';
import { SCHEMA_TOOL } from './scene.js';
import type { Scene, ToolOutcome } from './scene.js';
import { isSynthetic, SCHEMA_ENFORCEMENT, withoutReminders } from './synthetic-texts.js';

export interface Conversation {
  /** The last text from a person, without the CLI's reminders; empty when there is none. */
  readonly prompt: string;
  /** How many texts from a person the conversation holds: tells one prompt from a repeat of it. */
  readonly promptCount: number;
  /** The CLI insists on structured output with the last message. */
  readonly schemaEnforced: boolean;
  readonly scene: Scene;
}

/**
 * Decides by text block, not by message: the CLI merges neighbouring user messages, so a prompt that got no answer
 * stands in one message with the next prompt.
 */
export function readConversation(request: MessagesRequest): Conversation {
  const state = { prompt: '', promptCount: 0, round: 0, outcomes: [] as ToolOutcome[], schemaEnforced: false };
  for (const message of request.messages) {
    if (message.role === 'assistant') {
      state.round += 1;
      state.schemaEnforced = false;
    }
    if (message.role !== 'user') continue;
    for (const block of blocksOf(message.content)) {
      const said = withoutReminders(textOfBlock(block) ?? '');
      if (said.startsWith(SCHEMA_ENFORCEMENT)) state.schemaEnforced = true;
      if (block.type === 'tool_result') state.outcomes.push(outcomeOf(block));
      if (said === '' || isSynthetic(said)) continue;
      Object.assign(state, { prompt: said, promptCount: state.promptCount + 1, round: 0, outcomes: [], schemaEnforced: false });
    }
  }
  const { prompt, promptCount, round, outcomes } = state;
  const tools = (request.tools ?? []).map((tool) => ({ name: tool.name, schema: tool.input_schema }));
  const scene = { round, outcomes, tools, workingDirectory: workingDirectoryOf(request) };
  const schemaEnforced = state.schemaEnforced && tools.some((tool) => tool.name === SCHEMA_TOOL);
  return { prompt, promptCount, schemaEnforced, scene };
}

function blocksOf(content: string | readonly ContentBlock[]): readonly ContentBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function outcomeOf(block: ContentBlock): ToolOutcome {
  const content: unknown = block['content'];
  const parts: unknown[] = Array.isArray(content) ? content : [content];
  const text = parts.map((part) => (typeof part === 'string' ? part : textIn(part))).join('\n');
  return { text, isError: block['is_error'] === true };
}

function textIn(part: unknown): string {
  const text: unknown = typeof part === 'object' && part !== null && 'text' in part ? part.text : '';
  return typeof text === 'string' ? text : '';
}

/** The CLI tells it in the system prompt or in a system message; the last one counts, a resumed session may have moved. */
function workingDirectoryOf(request: MessagesRequest): string | undefined {
  const spoken = request.messages.filter((message) => message.role === 'system').map((message) => message.content);
  for (const content of [request.system, ...spoken].toReversed()) {
    const found = /^[ -]*(?:Primary w|W)orking directory: (.+)$/m.exec(textOf(content));
    if (found?.[1] !== undefined) return found[1].trim();
  }
  return undefined;
}
