// Whether one path lies inside another, by the text of the paths alone.
import { isAbsolute, relative, sep } from 'node:path';

/**
 * True when `path` is `root` or lies inside it. Both are absolute; `..`, doubled and trailing slashes are resolved first,
 * symbolic links are not: give real paths where links matter. A sibling such as `/root-evil` is not below `/root`.
 */
export function isBelow(root: string, path: string): boolean {
  if (!isAbsolute(root) || !isAbsolute(path)) return false;
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
