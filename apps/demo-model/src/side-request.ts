// Requests the CLI makes for itself: titles, summaries of a long conversation, small structured answers.
import { textOf } from './messages-request.js';
import type { MessagesRequest } from './messages-request.js';
import { prose, reply } from './reply.js';
import type { Reply } from './reply.js';
import { sampleOf } from './schema-sample.js';

// How the CLI begins the prompt that makes a long conversation shorter (2.1.330).
const compaction = ['CRITICAL: Respond with TEXT ONLY', 'Your task is to create a detailed summary of'];

// The system prompt of a real conversation is several times longer, also when all tools are switched off.
const MAX_SIDE_PROMPT = 4000;

/**
 * The answer to a side request, or undefined when the request belongs to a run's conversation.
 * A side request may quote a prompt with its markers: they must not play here.
 */
export function sideReply(request: MessagesRequest, prompt: string): Reply | undefined {
  const format = request.output_config?.format;
  const toolless = (request.tools ?? []).length === 0;
  if (toolless && format?.type === 'json_schema') return reply(prose(JSON.stringify(sampleOf(format.schema))));
  const system = textOf(request.system);
  if (toolless && system.length < MAX_SIDE_PROMPT && /\btitle\b/i.test(system)) return reply(prose('Offline demo'));
  if (!compaction.some((start) => prompt.startsWith(start))) return undefined;
  return reply(prose('<summary>The offline demo model of Runyard answered; it keeps no summary.</summary>'));
}
