// Rules over a create body that a schema cannot say: sizes as bytes, and combinations that cannot work.
import { LIMITS, promptBytes, ProblemError } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import { workspacePathFault } from './workspace-path.js';

export interface RunSurroundings {
  readonly workspaceRoots: readonly string[];
  readonly runsAsRoot: boolean;
}

/** @throws ProblemError payload_too_large or invalid_request that names the field and the fix */
export async function checkRunRules(request: CreateRun, surroundings: RunSurroundings): Promise<void> {
  if (promptBytes(request.prompt) > LIMITS.promptBytes) {
    throw new ProblemError('payload_too_large', undefined, [{ field: 'prompt', message: `must not have more than ${LIMITS.promptBytes} bytes of UTF-8: shorten it, or put the text into a file of the workspace` }]);
  }
  if (request.permission_mode === 'bypassPermissions' && surroundings.runsAsRoot) {
    throw fault('permission_mode', 'cannot be bypassPermissions while Runyard runs as root, because the CLI refuses it: choose another mode, or run Runyard as another user');
  }
  if (request.workspace?.type !== 'directory') return;
  const wrong = await workspacePathFault(request.workspace.path, surroundings.workspaceRoots);
  if (wrong !== undefined) throw fault('workspace.path', wrong);
}

function fault(field: string, message: string): ProblemError {
  return new ProblemError('invalid_request', undefined, [{ field, message }]);
}
