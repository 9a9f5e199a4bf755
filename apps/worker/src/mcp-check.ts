// Asks the CLI whether the MCP servers of a run can be used, before the prompt is sent and anything is paid.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaudeProcess } from '@runyard/claude';
import type { McpServers } from '@runyard/domain';

const ASK_EVERY_MS = 200;
const ANSWER_MS = 10_000;

export interface McpCheck {
  readonly claude: Pick<ClaudeProcess, 'control' | 'running'>;
  readonly servers: McpServers;
  /** The run is being ended: nobody needs the answer any more. */
  readonly over: () => boolean;
}

interface ServerStatus {
  readonly name: string;
  readonly status: string;
  readonly error: string;
}

/**
 * Waits until no server is `pending` (the CLI gives each 30 s, or MCP_TIMEOUT) and returns a sentence about those that are not
 * `connected`. `unknown`: this CLI does not answer the question, or it is too late for it.
 */
export async function mcpProblem({ claude, servers, over }: McpCheck): Promise<string | undefined | 'unknown'> {
  const names = Object.keys(servers);
  while (claude.running && !over()) {
    const answer = await claude.control({ subtype: 'mcp_status' }, ANSWER_MS);
    if (answer?.ok === false) return 'unknown';
    if (answer !== undefined) {
      const states = statesOf(answer.response);
      if (!states.some(({ name, status }) => names.includes(name) && status === 'pending')) return describe(names, states);
    }
    await sleep(ASK_EVERY_MS);
  }
  return 'unknown';
}

function statesOf(response: unknown): ServerStatus[] {
  const list = (response as { mcpServers?: unknown } | null | undefined)?.mcpServers;
  if (!Array.isArray(list)) return [];
  return list.map((entry: Partial<ServerStatus> | null) => ({ name: String(entry?.name), status: String(entry?.status), error: String(entry?.error ?? '') }));
}

function describe(names: readonly string[], states: readonly ServerStatus[]): string | undefined {
  const faults = names.flatMap((name) => {
    const state = states.find((candidate) => candidate.name === name);
    if (state?.status === 'connected') return [];
    return [`${name} (${explain(state)})`];
  });
  if (faults.length === 0) return undefined;
  return `${faults.length === 1 ? 'This MCP server' : 'These MCP servers'} of mcp_servers cannot be used: ${faults.join(', ')}.`;
}

function explain(state: ServerStatus | undefined): string {
  if (state === undefined) return 'the CLI left it out';
  if (state.status === 'needs-auth') return 'it asks for a login: give it a header with a secret';
  return state.error === '' ? state.status : `${state.status}: ${state.error.replace(/[.\s]+$/, '')}`;
}
