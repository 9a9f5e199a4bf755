// Reads the parts of the repository from disk: package.json and source files of every directory below apps/ and libs/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/**
 * @typedef {object} PartOnDisk
 * @property {string} name
 * @property {string} directory absolute
 * @property {readonly string[]} files absolute paths of its sources
 * @property {readonly string[]} entries names under which others import it: `@runyard/claude`, `@runyard/claude/processes`
 * @property {Readonly<Record<string, string>>} dependencies
 * @property {Readonly<Record<string, string>>} devDependencies
 */

const SOURCE = /\.[cm]?[jt]sx?$/;
const NOT_SOURCE = new Set(['node_modules', 'dist']);

/**
 * @param {string} root absolute path of the repository
 * @returns {PartOnDisk[]}
 */
export function readParts(root) {
  return ['apps', 'libs'].flatMap((kind) => {
    const directory = join(root, kind);
    if (!existsSync(directory)) return [];
    const names = readdirSync(directory).filter((name) => existsSync(join(directory, name, 'package.json')));
    return names.map((name) => readPart(join(directory, name), name));
  });
}

/**
 * @param {string} directory
 * @param {string} name
 * @returns {PartOnDisk}
 */
function readPart(directory, name) {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = sourcesBelow(directory);
  const entries = Object.keys(manifest.exports ?? {}).map((entry) => manifest.name + entry.slice(1));
  return { name, directory, files, entries, dependencies: manifest.dependencies ?? {}, devDependencies: manifest.devDependencies ?? {} };
}

/**
 * @param {string} directory
 * @returns {string[]}
 */
function sourcesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return NOT_SOURCE.has(entry.name) ? [] : sourcesBelow(path);
    return SOURCE.test(entry.name) ? [path] : [];
  });
}

/**
 * A path for messages: from the root, with forward slashes.
 * @param {string} root
 * @param {string} path
 */
export function fromRoot(root, path) {
  return relative(root, path).split(sep).join('/');
}
