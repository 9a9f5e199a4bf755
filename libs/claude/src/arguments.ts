// What is asked of one claude process → its argument vector. Pure.

export type PermissionMode = 'default' | 'acceptEdits' | 'plan' | 'dontAsk' | 'bypassPermissions';
export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** Ids are UUIDs: what the CLI calls a session id. */
export type ClaudeSession =
  | { readonly mode: 'start'; readonly sessionId: string }
  | { readonly mode: 'resume'; readonly sessionId: string }
  | { readonly mode: 'fork'; readonly sessionId: string; readonly from: string };

/** The prompt is no argument: it goes through stdin, which has no limit of 128 KiB and reads no flags. */
export interface ClaudeSpec {
  readonly session: ClaudeSession;
  readonly model?: string | undefined;
  /** One model, or several separated by commas. */
  readonly fallbackModel?: string | undefined;
  readonly effort?: Effort | undefined;
  readonly permissionMode: PermissionMode;
  readonly allowedTools?: readonly string[] | undefined;
  readonly disallowedTools?: readonly string[] | undefined;
  /** Path of a file whose text is appended to the system prompt: a file, because an argument holds only 128 KiB. */
  readonly appendSystemPromptFile?: string | undefined;
  /** Path of a file with `{"mcpServers": {…}}`: it may hold secrets, and arguments can be read by every user of the machine. */
  readonly mcpConfigFile?: string | undefined;
  /** JSON Schema of the answer. */
  readonly outputSchema?: Readonly<Record<string, unknown>> | undefined;
  readonly maxTurns?: number | undefined;
  readonly maxBudgetUsd?: number | undefined;
  /** `project`: settings, hooks and MCP servers of the workspace are obeyed. `none`: they are not. */
  readonly trust: 'none' | 'project';
}

const ALWAYS = ['--print', '--output-format=stream-json', '--verbose', '--input-format=stream-json', '--include-partial-messages'];
const UNTRUSTED = ['--setting-sources=user', '--strict-mcp-config'];

/**
 * Every value is glued to its flag with `=`: then a value that begins with `-` stays a value, and the variadic flags
 * take exactly one entry each (checked with the binary, 2.1.330). There are no positional arguments.
 */
export function buildArguments(spec: ClaudeSpec): string[] {
  return [
    ...ALWAYS,
    ...(spec.trust === 'project' ? [] : UNTRUSTED),
    ...sessionArguments(spec.session),
    `--permission-mode=${spec.permissionMode}`,
    ...option('--model', spec.model),
    ...option('--fallback-model', spec.fallbackModel),
    ...option('--effort', spec.effort),
    ...(spec.allowedTools ?? []).map((tool) => `--allowedTools=${tool}`),
    ...(spec.disallowedTools ?? []).map((tool) => `--disallowedTools=${tool}`),
    ...option('--append-system-prompt-file', spec.appendSystemPromptFile),
    ...option('--mcp-config', spec.mcpConfigFile),
    ...option('--json-schema', spec.outputSchema && JSON.stringify(spec.outputSchema)),
    ...option('--max-turns', spec.maxTurns),
    ...option('--max-budget-usd', spec.maxBudgetUsd === undefined ? undefined : decimal(spec.maxBudgetUsd)),
  ];
}

function sessionArguments(session: ClaudeSession): string[] {
  switch (session.mode) {
    case 'start':
      return [`--session-id=${session.sessionId}`];
    case 'resume':
      return [`--resume=${session.sessionId}`];
    case 'fork':
      return [`--resume=${session.from}`, '--fork-session', `--session-id=${session.sessionId}`];
  }
}

function option(flag: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${flag}=${value}`];
}

/** Plain digits: String() would write a tiny budget as 1e-7. */
function decimal(amount: number): string {
  return String(amount).includes('e') ? amount.toFixed(20).replace(/\.?0+$/, '') : String(amount);
}
