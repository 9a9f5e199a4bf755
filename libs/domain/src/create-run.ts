// The body of POST /v1/runs: what may be asked of a run.
import { z } from 'zod';
import { Environment } from './environment.js';
import { idSchema } from './ids.js';
import { LIMITS, utf8Bytes } from './limits.js';
import { McpServers } from './mcp-servers.js';
import { secretLiterals } from './secret-literals.js';
import { WorkspaceRequest } from './workspace-request.js';

const text = (maxBytes: number) =>
  z.string().refine((value) => utf8Bytes(value) <= maxBytes, `must not be longer than ${maxBytes} bytes of UTF-8`);

const notBlank = (value: string) => value.trim() !== '';

const TextBlock = z.strictObject({ type: z.literal('text'), text: z.string().min(1) }).meta({ id: 'TextBlock' });
const ImageBlock = z
  .strictObject({
    type: z.literal('image'),
    source: z.strictObject({
      type: z.literal('base64'),
      media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
      data: z.base64(),
    }),
  })
  .meta({ id: 'ImageBlock' });

export const ContentBlock = z.discriminatedUnion('type', [TextBlock, ImageBlock]).meta({ id: 'ContentBlock' });
export type ContentBlock = z.infer<typeof ContentBlock>;

export const Prompt = z
  .union([
    z.string().refine(notBlank, 'must not be empty'),
    z
      .array(ContentBlock)
      .min(1)
      .refine((blocks) => blocks.some((block) => block.type === 'text' && notBlank(block.text)), 'must have a text block that is not empty'),
  ])
  .describe('What Claude is asked: a text, or content blocks (text and images). At most 4 MiB.');
export type Prompt = z.infer<typeof Prompt>;

/** Size of a prompt in bytes of UTF-8, as the limit of 4 MiB counts it. */
export function promptBytes(prompt: unknown): number {
  if (typeof prompt === 'string') return utf8Bytes(prompt);
  return prompt === undefined ? 0 : utf8Bytes(JSON.stringify(prompt));
}

export const PERMISSION_MODES = ['default', 'acceptEdits', 'plan', 'dontAsk', 'bypassPermissions'] as const;
export const RECOVERIES = ['auto', 'resume', 'restart', 'never'] as const;
export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** A value that becomes one argument of the CLI: visible, on one line. */
const word = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => [...value].every((character) => character >= ' ' && character !== '\u007f'), 'must be one line without control characters')
    .refine(notBlank, 'must not be blank');

const toolList = z.array(word(LIMITS.toolLength)).max(LIMITS.tools);

export const Metadata = z
  .record(z.string().min(1).max(LIMITS.metadataKeyLength), z.string().max(LIMITS.metadataValueLength))
  .refine((pairs) => Object.keys(pairs).length <= LIMITS.metadataPairs, `must not have more than ${LIMITS.metadataPairs} pairs`);

const FIRST_TIME_MS = Date.parse('0000-01-01T00:00:00Z');

export const Priority = z.int().min(-LIMITS.priority).max(LIMITS.priority);

/** With an offset a time of four digits may lie in a year that RFC 3339 cannot write in UTC: before 0000, or after 9999. */
const RunAt = z.iso
  .datetime({ offset: true })
  .refine((time) => !(Date.parse(time) < FIRST_TIME_MS), 'must be in the year 0000 or later, in UTC')
  .refine((time) => !(Date.parse(time) > Date.now() + LIMITS.runAheadMs), 'must be at most ten years from now');

const RunFields = z
  .strictObject({
    prompt: Prompt,
    name: word(LIMITS.nameLength).optional().describe('A name for people.'),
    session_id: idSchema('session').optional().describe('Continue this session. Default: a new one.'),
    fork: z.boolean().optional().describe('With session_id: continue a copy and leave the session as it is.'),
    workspace: WorkspaceRequest.optional().describe('Default: that of the session that is continued, else scratch.'),
    model: word(200).optional(),
    fallback_model: word(400).optional().describe('Used when the model is overloaded; several separated by commas.'),
    effort: z.enum(EFFORTS).optional(),
    permission_mode: z.enum(PERMISSION_MODES).optional().describe('Default acceptEdits.'),
    allowed_tools: toolList.optional().describe('Tools that need no permission, such as Bash(npm test).'),
    disallowed_tools: toolList.optional().describe('Tools that Claude does not get.'),
    append_system_prompt: text(LIMITS.systemPromptBytes).optional(),
    environment: Environment.optional(),
    mcp_servers: McpServers.optional(),
    output_schema: z
      .record(z.string(), z.unknown())
      .refine((schema) => utf8Bytes(JSON.stringify(schema)) <= LIMITS.outputSchemaBytes, `must not be longer than ${LIMITS.outputSchemaBytes} bytes`)
      .optional()
      .describe('JSON Schema of an object; the answer is then in structured_output.'),
    max_turns: z.int().min(1).max(10_000).optional(),
    max_budget_usd: z.number().positive().max(100_000).optional(),
    timeout_seconds: z.int().min(1).max(LIMITS.timeoutSeconds).optional().describe('Wall clock from the start of the run.'),
    expires_in_seconds: z.int().min(1).max(LIMITS.expiresInSeconds).optional().describe('Ends as expired when no worker has taken it by then; counted from run_at when there is one.'),
    priority: Priority.optional().describe('−10 to 10, default 0; a higher number is taken sooner.'),
    run_at: RunAt.optional().describe('Not before this time, at most ten years ahead. A time that is over means now.'),
    recovery: z
      .enum(RECOVERIES)
      .optional()
      .describe('When the worker is lost: auto (default) decides from what was done, resume goes on with the conversation, restart begins again, never fails the run.'),
    metadata: Metadata.optional(),
    tags: z.array(word(LIMITS.tagLength)).max(LIMITS.tags).optional(),
  });

function refuseSecretLiterals(body: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  for (const literal of secretLiterals(body)) context.addIssue({ code: 'custom', ...literal });
}

export const CreateRun = RunFields
  .refine((body) => !body.fork || body.session_id !== undefined, { path: ['fork'], message: 'needs session_id: only a session can be forked' })
  .superRefine(refuseSecretLiterals)
  .meta({ id: 'CreateRun', description: 'What is asked of a run.' });
export type CreateRun = z.infer<typeof CreateRun>;

export const RetryRun = RunFields.partial().superRefine(refuseSecretLiterals).meta({ id: 'RetryRun', description: 'What shall be different from the request of the earlier run.' });
export type RetryRun = z.infer<typeof RetryRun>;

/** Fields of the contract that this version refuses with `not_available`, and why they wait. */
export const CREATE_RUN_NOT_AVAILABLE = [
  'profile',
  'file_ids',
  'keep_open_seconds',
  'webhook_url',
] as const;

/** Workspace types of the contract that this version refuses with `not_available`. */
export const WORKSPACE_TYPES_NOT_AVAILABLE = ['git', 'worktree'] as const;
