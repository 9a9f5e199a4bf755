// Step 2: the directory to work in, and the event that tells where it is.
import { join } from 'node:path';
import { failure } from '@runyard/domain';
import type { Failure } from '@runyard/domain';
import { prepareWorkspace } from '@runyard/workspace';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import type { WorkerParts } from './worker-parts.js';

/** Makes or checks the run's workspace; a failure is one of `workspace_failed`. */
export async function openWorkspace({ run, events }: ActiveRun, { settings }: WorkerParts): Promise<ReadyWorkspace | Failure> {
  const request = run.request.workspace ?? { type: 'scratch' };
  // Of the session, not of the run: who goes on with a conversation finds the files that it is about.
  const scratchParent = join(settings.dataDir, 'sessions', run.sessionId);
  const found = await prepareWorkspace(request, { scratchParent, roots: settings.workspaceRoots });
  if ('failure' in found) return failure('workspace_failed', found.failure);
  await events.write('workspace.ready', JSON.stringify({ type: request.type, path: found.path, ignored: found.ignored }));
  return found;
}
