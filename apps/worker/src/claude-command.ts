// A run's options → the command line, environment and first message of its claude process.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildArguments, buildEnvironment } from '@runyard/claude';
import type { BashTimes, Spending } from '@runyard/claude';
import type { CreateRun } from '@runyard/domain';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import { writeMcpConfig } from './mcp-config.js';
import { resolveTexts } from './run-secrets.js';
import type { RunSecrets } from './run-secrets.js';
import type { OpenSession } from './session.js';
import type { WorkerParts } from './worker-parts.js';

export interface ClaudeCommand {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
}

/** What is left of the run's limits after its earlier attempts. */
export interface CommandLimits {
  readonly maxTurns: number | undefined;
  readonly maxBudgetUsd: number | undefined;
}

/** The CLI counts per process. */
export function limitsLeft({ max_turns, max_budget_usd }: CreateRun, spent: Spending): CommandLimits {
  return {
    maxTurns: max_turns === undefined ? undefined : Math.max(1, max_turns - (spent.num_turns ?? 0)),
    maxBudgetUsd: max_budget_usd === undefined ? undefined : max_budget_usd - (spent.cost_usd ?? 0),
  };
}

/** Builds the command; writes the appended system prompt and the MCP servers into the run's private directory. */
export async function claudeCommand(active: ActiveRun, workspace: ReadyWorkspace, session: OpenSession, limits: CommandLimits, parts: WorkerParts, secrets: RunSecrets): Promise<ClaudeCommand> {
  const { request } = active.run;
  const { settings, hostEnvironment } = parts;
  const appendSystemPromptFile = await writeSystemPrompt([workspace.memory, request.append_system_prompt], active.privateDir);
  const args = buildArguments({
    session: session.claude,
    model: request.model,
    fallbackModel: request.fallback_model,
    effort: request.effort,
    permissionMode: request.permission_mode ?? 'acceptEdits',
    allowedTools: request.allowed_tools,
    disallowedTools: request.disallowed_tools,
    appendSystemPromptFile,
    mcpConfigFile: await writeMcpConfig(request.mcp_servers, secrets, active.privateDir),
    outputSchema: request.output_schema,
    ...limits,
    trust: request.workspace?.trust ?? 'none',
  });
  const env = buildEnvironment({
    hostEnv: hostEnvironment,
    // The user's own: git, ssh and package managers of the tools keep their settings there. Claude's are in configDir.
    home: hostEnvironment['HOME'] ?? active.privateDir,
    configDir: session.configDir,
    tmpDir: session.tmpDir,
    mark: active.mark,
    maxRetries: settings.claudeMaxRetries,
    apiTimeoutMs: settings.claudeApiTimeoutMs,
    extra: resolveTexts(request.environment ?? {}, secrets),
  });
  return { args, env, cwd: workspace.path };
}

/**
 * A message as the CLI's stream-json input wants it, under an id that the CLI reports on. A new id each time: the CLI takes a message
 * whose id its transcript knows as delivered.
 */
export function userMessage(prompt: CreateRun['prompt']): { readonly uuid: string; readonly message: object } {
  const uuid = randomUUID();
  return { uuid, message: { type: 'user', uuid, message: { role: 'user', content: prompt }, parent_tool_use_id: null } };
}

/** How long commands may take, as far as the operator changed it. */
export function bashTimes(environment: Readonly<Record<string, string>>): BashTimes {
  const [bashDefaultMs, bashMaxMs] = ['BASH_DEFAULT_TIMEOUT_MS', 'BASH_MAX_TIMEOUT_MS'].map((name) => Number(environment[name]) || undefined);
  return { ...(bashDefaultMs === undefined ? {} : { bashDefaultMs }), ...(bashMaxMs === undefined ? {} : { bashMaxMs }) };
}

async function writeSystemPrompt(texts: readonly (string | undefined)[], directory: string): Promise<string | undefined> {
  const given = texts.filter((text) => text !== undefined && text !== '');
  if (given.length === 0) return undefined;
  const path = join(directory, 'system-prompt.md');
  await writeFile(path, given.join('\n\n'));
  return path;
}
