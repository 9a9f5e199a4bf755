// Which tools only look: after a crash their use may be repeated without asking anybody.

/**
 * Judged one by one from the tools of 2.1.330 and older versions. `Task` (also `Agent`) is here because every tool that its
 * subagent uses goes through the gate by itself (shown in real-gate.spec.ts). Lists of the conversation, such as todos, and
 * answers to the host change nothing outside it. Not here: `Skill` (may run commands), `Monitor`, `Workflow`, `SendMessage`.
 */
const READ_ONLY = new Set([
  'Read', 'Grep', 'Glob', 'LS', 'NotebookRead', 'WebSearch', 'WebFetch', 'ToolSearch', 'LSP',
  'ListMcpResourcesTool', 'ReadMcpResourceTool', 'ListMcpResources', 'ReadMcpResource',
  'Task', 'Agent', 'ListAgents', 'BashOutput', 'TaskOutput', 'TaskList', 'TaskGet', 'CronList',
  'TodoWrite', 'TodoRead', 'TaskCreate', 'TaskUpdate',
  'AskUserQuestion', 'EnterPlanMode', 'ExitPlanMode', 'StructuredOutput', 'ReportFindings',
]);

/** Everything unknown changes something, and so do all tools of MCP servers. */
export function isReadOnlyTool(name: string): boolean {
  return READ_ONLY.has(name);
}
