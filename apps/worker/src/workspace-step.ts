// Step 2: the directory to work in, and the event that tells where it is.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '@runyard/domain';
import type { Failure } from '@runyard/domain';
import { prepareWorkspace } from '@runyard/workspace';
import type { ReadyWorkspace } from '@runyard/workspace';
import type { ActiveRun } from './active-runs.js';
import type { Beginning } from './look-back.js';
import type { WorkerParts } from './worker-parts.js';

/** Makes or checks the run's workspace; a failure is one of `workspace_failed`. A run that begins again finds a new scratch directory. */
export async function openWorkspace({ run, events }: ActiveRun, mode: Beginning['mode'], { settings }: WorkerParts): Promise<ReadyWorkspace | Failure> {
  const request = run.request.workspace ?? { type: 'scratch' };
  // Of the session, not of the run: who goes on with a conversation finds the files that it is about.
  const scratchParent = join(settings.dataDir, 'sessions', run.sessionId);
  // What earlier runs of the session left there stays, also what this one changed among it.
  if (mode === 'restart' && request.type === 'scratch' && !run.continues) await rm(join(scratchParent, 'workspace'), { recursive: true, force: true });
  const found = await prepareWorkspace(request, { scratchParent, roots: settings.workspaceRoots });
  if ('failure' in found) return failure('workspace_failed', found.failure);
  await events.write('workspace.ready', JSON.stringify({ type: request.type, path: found.path, ignored: found.ignored }));
  return found;
}
