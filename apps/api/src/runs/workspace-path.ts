// May a run work in this directory? Asked early, so that a mistake is told at once; the worker decides finally.
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';

/**
 * What is wrong with the path, with the fix; undefined when it is fine or cannot be seen from this machine.
 * `roots` are absolute. Both the path as written and the place its links lead to must lie below a root.
 */
export async function workspacePathFault(path: string, roots: readonly string[]): Promise<string | undefined> {
  if (roots.length === 0) return 'cannot be used, because no directory is allowed: set RUNYARD_WORKSPACES, or use a workspace of type scratch';
  if (!isAbsolute(path) || path.includes('\0')) return 'must be an absolute path';
  if (path.split('/').includes('..')) return 'must not contain "..": write the path without it';
  const seenRoots = (await Promise.all(roots.map(placeOf))).flatMap((place) => (place.kind === 'real' ? [place.path] : []));
  const outside = `must lie below one of RUNYARD_WORKSPACES (${roots.join(', ')}), also where its links lead`;
  if (![...roots, ...seenRoots].some((root) => isBelow(root, path))) return outside;
  const place = await placeOf(path);
  if (place.kind === 'unseen') return undefined;
  // Without a root to look into, the directories are on the workers only.
  if (place.kind === 'missing') return seenRoots.length > 0 ? 'does not exist: create the directory first' : undefined;
  if (!seenRoots.some((root) => isBelow(root, place.path))) return outside;
  return place.isDirectory ? undefined : 'must be a directory, not a file';
}

type Place = { readonly kind: 'real'; readonly path: string; readonly isDirectory: boolean } | { readonly kind: 'missing' } | { readonly kind: 'unseen' };

async function placeOf(path: string): Promise<Place> {
  try {
    const real = await realpath(path);
    return { kind: 'real', path: real, isDirectory: (await stat(real)).isDirectory() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return { kind: code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' ? 'missing' : 'unseen' };
  }
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith('../');
}
