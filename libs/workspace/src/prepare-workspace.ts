// The directory that a run works in: made, or found and checked.
import { access, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { WorkspaceRequest } from '@runyard/domain';
import { existingOf, projectSettings } from './ignored-settings.js';
import { isBelow } from './is-below.js';
import { MEMORY_FILES, readMemory } from './workspace-memory.js';

/** Where workspaces are: `scratchParent` gets the scratch directory, `roots` are those below which a run may work in place. */
export interface WorkspacePlaces {
  readonly scratchParent: string;
  readonly roots: readonly string[];
}

/** A directory to work in. */
export interface ReadyWorkspace {
  /** Real path without symbolic links. */
  readonly path: string;
  /** Claude settings of the directory that the run leaves aside, relative to it. */
  readonly ignored: readonly string[];
  /** What CLAUDE.md says, when the CLI is not going to read it by itself. */
  readonly memory?: string;
}

/** Why there is no directory, for a person. */
export interface WorkspaceFailure {
  readonly failure: string;
}

/** Makes or checks the workspace of a run. Never throws for what the request or the file system may be like. */
export async function prepareWorkspace(
  request: WorkspaceRequest,
  places: WorkspacePlaces,
): Promise<ReadyWorkspace | WorkspaceFailure> {
  const found = request.type === 'scratch' ? await makeScratch(places.scratchParent) : await findDirectory(request.path, places.roots);
  if ('failure' in found) return found;
  if (request.trust === 'project') return { path: found.path, ignored: [] };
  const ignored = await projectSettings(found.path);
  if (request.memory === false) return { path: found.path, ignored: [...ignored, ...(await existingOf(found.path, MEMORY_FILES))] };
  const memory = await readMemory(found.path);
  return { path: found.path, ignored, ...(memory === undefined ? {} : { memory }) };
}

async function makeScratch(scratchParent: string): Promise<{ readonly path: string } | WorkspaceFailure> {
  const path = join(scratchParent, 'workspace');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return { path: await realpath(path) };
  } catch (error) {
    return { failure: `The scratch directory ${path} cannot be made: ${reasonOf(error)}` };
  }
}

async function findDirectory(asked: string, roots: readonly string[]): Promise<{ readonly path: string } | WorkspaceFailure> {
  if (!isAbsolute(asked) || asked.includes('\0')) return { failure: `The workspace path ${JSON.stringify(asked)} is not absolute` };
  if (roots.length === 0) return { failure: `The worker allows no directory: RUNYARD_WORKSPACES is empty, so ${asked} cannot be used` };
  try {
    const path = await realpath(asked);
    // Before anything else is told about the path: what is outside the roots is nobody's business.
    if (!(await isBelowOneOf(roots, path))) return outside(asked);
    if (!(await stat(path)).isDirectory()) return { failure: `The workspace ${asked} is not a directory` };
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return { path };
  } catch (error) {
    return roots.some((root) => isBelow(root, asked)) ? { failure: `The workspace ${asked} cannot be used: ${reasonOf(error)}` } : outside(asked);
  }
}

async function isBelowOneOf(roots: readonly string[], path: string): Promise<boolean> {
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  return real.some((root) => root !== undefined && isBelow(root, path));
}

function outside(asked: string): WorkspaceFailure {
  return { failure: `The workspace ${asked} is outside the directories that RUNYARD_WORKSPACES allows` };
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist on the worker',
    ENOTDIR: 'a part of its path is not a directory',
    EACCES: 'the worker may not write there',
    EPERM: 'the worker may not write there',
    EROFS: 'the file system is read-only',
    ELOOP: 'its symbolic links go in a circle',
    ENAMETOOLONG: 'its path is too long',
    ENOSPC: 'the disk is full',
  };
  return reasons[code] ?? (code || String(error));
}
