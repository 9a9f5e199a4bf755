// What a scenario may know of the request it answers.

/** How one tool call since the prompt went. */
export interface ToolOutcome {
  readonly text: string;
  readonly isError: boolean;
}

/** A tool that the request offers. `schema` is the JSON Schema of its input, absent for server tools. */
export interface OfferedTool {
  readonly name: string;
  readonly schema: unknown;
}

export interface Scene {
  /** 0 for the first request after the prompt, then one more for each answer already given to it. */
  readonly round: number;
  readonly outcomes: readonly ToolOutcome[];
  readonly tools: readonly OfferedTool[];
  /** The directory the CLI says it works in; undefined when the request does not say. */
  readonly workingDirectory: string | undefined;
}

/** The tool that the CLI adds when a run asks for structured output. */
export const SCHEMA_TOOL = 'StructuredOutput';

/** The request offers the tool, so that calling it makes sense. */
export function offers(scene: Scene, tool: string): boolean {
  return scene.tools.some((offered) => offered.name === tool);
}

/** Absolute when the working directory is known; the CLI takes relative paths too. */
export function inWorkspace(scene: Scene, path: string): string {
  if (path.startsWith('/') || scene.workingDirectory === undefined) return path;
  return `${scene.workingDirectory.replace(/\/$/, '')}/${path}`;
}
