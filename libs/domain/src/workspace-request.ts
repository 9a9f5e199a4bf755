// Where a run wants to work.
import { z } from 'zod';

const options = {
  trust: z.enum(['none', 'project']).optional().describe("`project` lets the directory's own Claude settings, hooks and MCP servers rule the run. Default none."),
  memory: z.boolean().optional().describe('Give CLAUDE.md of the directory to Claude. Default true.'),
};

export const ScratchWorkspace = z
  .strictObject({ type: z.literal('scratch'), ...options })
  .meta({ id: 'ScratchWorkspace', description: 'A directory of its own, empty in a new session; later runs of the session find its files.' });

export const DirectoryWorkspace = z
  .strictObject({
    type: z.literal('directory'),
    path: z
      .string()
      .min(1)
      .max(4096)
      .refine((path) => path.startsWith('/'), 'must be an absolute path')
      .refine((path) => !path.includes('\0'), 'must not contain NUL')
      .describe('Absolute path of an existing directory on the worker, below one of RUNYARD_WORKSPACES.'),
    ...options,
  })
  .meta({ id: 'DirectoryWorkspace', description: 'An existing directory, used as it is.' });

export const WorkspaceRequest = z
  .discriminatedUnion('type', [ScratchWorkspace, DirectoryWorkspace])
  .meta({ id: 'WorkspaceRequest', description: 'Where the run works.' });
export type WorkspaceRequest = z.infer<typeof WorkspaceRequest>;
