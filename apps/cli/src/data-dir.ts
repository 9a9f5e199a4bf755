// Which data directory a command means.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The nearest `.runyard` from `cwd` upwards, inside the checkout always the checkout's, else that one as well: so the command works from
 * any repository. Absolute; it need not exist.
 */
export function findDataDir(cwd: string, root: string): string {
  for (let directory = cwd; directory !== root; directory = dirname(directory)) {
    const candidate = join(directory, '.runyard');
    if (statSync(candidate, { throwIfNoEntry: false })?.isDirectory()) return candidate;
    if (directory === dirname(directory)) break;
  }
  return join(root, '.runyard');
}
