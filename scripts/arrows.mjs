// Checks that parts import each other only along the arrows of arrow-rules.mjs, and that each package.json says the same.
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRules, parts, purePart, specPackages, specPart } from './arrow-rules.mjs';
import { findImports } from './find-imports.mjs';
import { fromRoot, readParts } from './read-parts.mjs';

/** @typedef {import('./read-parts.mjs').PartOnDisk} PartOnDisk */
/** @typedef {{ part: PartOnDisk, isSpec: boolean, used: Set<string>, entries: readonly string[] }} Importer */

const SCOPE = '@runyard/';
// Fixtures are the set-up of specs; tsconfig.json keeps them out of the product.
const SPEC = /\.(spec|fixture)\.[cm]?[jt]sx?$/;

/**
 * @param {string} root absolute path of the repository
 * @returns {{ problems: string[], files: number, imports: number }}
 */
export function checkArrows(root) {
  /** @type {string[]} */
  const problems = [];
  let files = 0;
  let imports = 0;
  const onDisk = readParts(root);
  const entries = onDisk.flatMap((part) => part.entries);
  for (const part of onDisk) {
    const place = fromRoot(root, part.directory);
    if (!parts[part.name]) problems.push(`${place}: no row in scripts/arrow-rules.mjs: add one with its arrows and their reasons`);
    if (part.files.length === 0) problems.push(`${place}: no source files found`);
    /** @type {Record<'source' | 'spec', Set<string>>} */
    const used = { source: new Set(), spec: new Set() };
    for (const file of part.files) {
      const isSpec = SPEC.test(file);
      for (const { name, line } of findImports(file, readFileSync(file, 'utf8'))) {
        imports += 1;
        const reason = forbidden({ part, isSpec, used: used[isSpec ? 'spec' : 'source'], entries }, file, name);
        if (reason) problems.push(`${fromRoot(root, file)}:${line}: ${name ?? 'import of a computed name'}: ${reason}`);
      }
      files += 1;
    }
    problems.push(...checkManifest(part, used).map((problem) => `${place}/package.json: ${problem}`));
  }
  if (files === 0) problems.push('no source files found below apps/ and libs/: nothing was checked');
  return { problems, files, imports };
}

/**
 * Why `importer` may not import `name`, or null.
 * @param {Importer} importer
 * @param {string} file
 * @param {string | null} name
 */
function forbidden(importer, file, name) {
  if (name === null) return importer.isSpec ? null : 'it cannot be checked: name the module in a string';
  if (!importer.isSpec && SPEC.test(name)) return 'specs and their fixtures are no part of the product';
  if (name.startsWith('.') || name.startsWith('/')) return leavesPart(importer.part, file, name);
  if (isBuiltin(name)) return name.startsWith('node:') ? null : `write node:${name}`;
  const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
  importer.used.add(packageName);
  if (packageName.startsWith(SCOPE)) {
    if (name !== packageName && !importer.entries.includes(name)) return `a part is imported through what its package.json exports: ${packageName}`;
    return forbiddenPart(importer, packageName.slice(SCOPE.length)) ?? undeclared(importer, packageName);
  }
  return forbiddenPackage(importer, packageName);
}

/**
 * @param {PartOnDisk} part
 * @param {string} file
 * @param {string} name
 */
function leavesPart(part, file, name) {
  const target = resolve(dirname(file), name);
  return target.startsWith(part.directory + sep) ? null : 'a relative import must stay inside its part';
}

/**
 * @param {Pick<Importer, 'part' | 'isSpec'>} importer
 * @param {string} target
 */
function forbiddenPart({ part, isSpec }, target) {
  if (target === specPart.name) return isSpec && part.name !== target ? null : specPart.because;
  const rule = parts[part.name];
  if (!rule || rule.may[target]) return null;
  return `${part.name} may import ${Object.keys(rule.may).join(', ') || 'no other part'}: ${rule.because}`;
}

/**
 * @param {Importer} importer
 * @param {string} packageName
 */
function forbiddenPackage(importer, packageName) {
  const { part, isSpec } = importer;
  const rule = packageRules.find(({ packages, only }) => packages.test(packageName) && !only.includes(part.name));
  if (rule) return `only ${rule.only.join(', ')} may import it: ${rule.because}`;
  if (isSpec && specPackages.includes(packageName)) return null;
  if (!isSpec && part.name === purePart.name && !purePart.packages.includes(packageName)) {
    return `${part.name} may import only ${purePart.packages.join(', ')}: ${parts[part.name]?.because}`;
  }
  return undeclared(importer, packageName);
}

/**
 * @param {Importer} importer
 * @param {string} packageName
 */
function undeclared({ part, isSpec }, packageName) {
  if (part.dependencies[packageName] || (isSpec && part.devDependencies[packageName])) return null;
  return `not declared: add it to ${isSpec ? 'devDependencies' : 'dependencies'} of the part's package.json`;
}

/**
 * @param {PartOnDisk} part
 * @param {Record<'source' | 'spec', Set<string>>} used
 * @returns {string[]}
 */
function checkManifest(part, used) {
  /** @type {string[]} */
  const problems = [];
  /** @type {[Record<string, string>, Set<string>, boolean][]} */
  const lists = [
    [part.dependencies, used.source, false],
    [part.devDependencies, new Set([...used.source, ...used.spec]), true],
  ];
  for (const [declared, importedBy, isSpec] of lists) {
    for (const name of Object.keys(declared).filter((key) => key.startsWith(SCOPE))) {
      const reason = forbiddenPart({ part, isSpec }, name.slice(SCOPE.length));
      if (reason) problems.push(`${name}: ${reason}`);
      else if (!importedBy.has(name)) problems.push(`${name} is declared but never imported: remove it`);
    }
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { problems, files, imports } = checkArrows(resolve(import.meta.dirname, '..'));
  for (const problem of problems) console.error(problem);
  console.log(`arrows: ${files} files, ${imports} imports, ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}
