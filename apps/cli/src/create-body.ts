// Options of `submit` → the body of POST /v1/runs.
import { LIMITS, promptBytes } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import { EXIT, Refusal } from './exit-codes.js';

/** What commander makes of the options that become fields of the body. */
export interface RunOptions {
  readonly here?: boolean;
  readonly name?: string;
  readonly model?: string;
  readonly fallbackModel?: string;
  readonly effort?: CreateRun['effort'];
  readonly permissionMode?: CreateRun['permission_mode'];
  readonly allow?: readonly string[];
  readonly disallow?: readonly string[];
  readonly appendSystemPrompt?: string;
  readonly maxTurns?: number;
  readonly maxBudget?: number;
  readonly timeout?: number;
  readonly session?: string;
  readonly fork?: boolean;
  readonly priority?: number;
  /** ISO */
  readonly at?: string;
  /** Seconds. */
  readonly expires?: number;
  readonly recovery?: CreateRun['recovery'];
  readonly tag?: readonly string[];
  readonly metadata?: readonly string[];
  readonly env?: readonly string[];
}

export interface BodyParts {
  readonly prompt: string;
  readonly cwd: string;
  readonly outputSchema?: Record<string, unknown> | undefined;
  readonly mcpServers?: CreateRun['mcp_servers'];
}

/** The body; fields that were not asked for are absent, so the server's defaults hold. @throws Refusal for what the server need not be asked */
export function createBody(options: RunOptions, { prompt, cwd, outputSchema, mcpServers }: BodyParts): CreateRun {
  if (prompt.trim() === '') {
    throw new Refusal(EXIT.usage, 'The prompt is empty.', 'Give it as an argument, with -f <file>, or with - from standard input.');
  }
  const bytes = promptBytes(prompt);
  if (bytes > LIMITS.promptBytes) {
    throw new Refusal(EXIT.usage, `The prompt has ${bytes} bytes; ${LIMITS.promptBytes} are allowed.`, 'Put the text into a file of the workspace and name the file in the prompt.');
  }
  if (options.fork && options.session === undefined) {
    throw new Refusal(EXIT.usage, '--fork needs --session.', 'Name the session to continue a copy of: --session <id> --fork');
  }
  return withoutUndefined({
    prompt,
    name: options.name,
    session_id: options.session,
    fork: options.fork,
    workspace: options.here ? { type: 'directory', path: cwd } : undefined,
    model: options.model,
    fallback_model: options.fallbackModel,
    effort: options.effort,
    permission_mode: options.permissionMode,
    allowed_tools: options.allow,
    disallowed_tools: options.disallow,
    append_system_prompt: options.appendSystemPrompt,
    environment: options.env && environmentOf(options.env),
    mcp_servers: mcpServers,
    output_schema: outputSchema,
    max_turns: options.maxTurns,
    max_budget_usd: options.maxBudget,
    timeout_seconds: options.timeout,
    priority: options.priority,
    run_at: options.at,
    expires_in_seconds: options.expires,
    recovery: options.recovery,
    metadata: options.metadata && pairsOf(options.metadata, '--metadata'),
    tags: options.tag,
  }) as CreateRun;
}

/** `NAME=text`, or `NAME=secret:SECRET` for a secret that the worker knows. */
function environmentOf(texts: readonly string[]): NonNullable<CreateRun['environment']> {
  const secret = 'secret:';
  const valueOf = (text: string) => (text.startsWith(secret) ? { secret: text.slice(secret.length) } : text);
  return Object.fromEntries(Object.entries(pairsOf(texts, '--env')).map(([name, text]) => [name, valueOf(text)]));
}

function pairsOf(texts: readonly string[], option: string): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) throw new Refusal(EXIT.usage, `"${text}" is not a pair for ${option}.`, 'Write it as name=value.');
    pairs.set(text.slice(0, at), text.slice(at + 1));
  }
  return Object.fromEntries(pairs);
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
