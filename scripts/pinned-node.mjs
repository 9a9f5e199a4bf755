// Makes node_modules/.bin/node the pinned Node 24, whatever the machine has and whichever npm installed it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export const WANTED = 'v24.';

/**
 * Returns null, or what is wrong with its fix. Repairs what can be repaired:
 * npm 10 removes the link again when it drops the Node packages of other platforms, which name the same link;
 * and a machine for which there is no package (musl, NixOS) may bring its own Node 24.
 * @param {string} root absolute path of the repository
 * @param {{ version: string, execPath: string }} running the Node that runs this script
 * @returns {string | null}
 */
export function ensurePinnedNode(root, running = process) {
  const link = join(root, 'node_modules', '.bin', 'node');
  if (isWanted(link)) return null;
  const candidates = packagedNodes(root);
  if (running.version.startsWith(WANTED)) candidates.push(running.execPath);
  const target = candidates.find(isWanted);
  if (!target) {
    return [
      `there is no Node 24 for ${process.platform}-${process.arch}: npm left out its package, or it does not run here.`,
      'Try: npm install --include=optional',
      `Or install Node 24 (https://nodejs.org), so that "node --version" says ${WANTED}x instead of ${running.version}, and run this again.`,
    ].join('\n');
  }
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target, link);
  return isWanted(link) ? null : `${link} cannot be made: remove it and run this again.`;
}

/** @param {string} root */
function packagedNodes(root) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = Object.keys(manifest.optionalDependencies || {}).filter((name) => name.startsWith('node-'));
  return names.map((name) => join(root, 'node_modules', name, 'bin', 'node'));
}

/** @param {string} program */
function isWanted(program) {
  if (!existsSync(program)) return false;
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).startsWith(WANTED);
  } catch {
    return false;
  }
}
