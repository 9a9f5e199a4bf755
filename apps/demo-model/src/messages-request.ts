// The request of the Messages API, as far as the demo model reads it. Unknown fields are let through.
import { z } from 'zod';

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() });
const OtherBlock = z.looseObject({ type: z.string() });
const ContentBlock = z.union([TextBlock, OtherBlock]);
export type ContentBlock = z.infer<typeof ContentBlock>;

const Message = z.looseObject({
  // The CLI also sends `system` messages in the middle of a conversation.
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(ContentBlock)]),
});
export type Message = z.infer<typeof Message>;

const Tool = z.looseObject({ name: z.string(), input_schema: z.unknown().optional() });

export const MessagesRequest = z.looseObject({
  model: z.string().min(1),
  messages: z.array(Message).min(1),
  system: z.union([z.string(), z.array(TextBlock)]).optional(),
  tools: z.array(Tool).optional(),
  stream: z.boolean().optional(),
  output_config: z
    .looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown().optional() }).nullish() })
    .nullish(),
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;

/** Reads a request, or tells what is wrong with it in the API's manner: `messages: Field required`. */
export function readMessagesRequest(body: unknown): { readonly request: MessagesRequest } | { readonly problem: string } {
  const parsed = MessagesRequest.safeParse(body);
  if (parsed.success) return { request: parsed.data };
  const issue = parsed.error.issues[0];
  return { problem: `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}` };
}

/** The text of a message or of a system prompt, its text blocks joined by newlines. */
export function textOf(content: Message['content'] | undefined): string {
  if (content === undefined || typeof content === 'string') return content ?? '';
  return content.map((block) => textOfBlock(block) ?? '').join('\n');
}

export function textOfBlock(block: ContentBlock): string | undefined {
  return block.type === 'text' && typeof block['text'] === 'string' ? block['text'] : undefined;
}
