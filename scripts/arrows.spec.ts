// The arrow check must be able to fail: every forbidden import is planted in a copy of the repository and has to be named.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parts } from './arrow-rules.mjs';
import { checkArrows } from './arrows.mjs';
import { findImports } from './find-imports.mjs';

const repository = resolve(import.meta.dirname, '..');
let root = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'runyard-arrows-'));
  // Of each part its package.json is enough, and of one the sources, too; the check of all sources is a stage of its own in npm test.
  cpSync(join(repository, 'libs', 'domain'), join(root, 'libs', 'domain'), {
    recursive: true,
    filter: (path) => !['node_modules', 'dist'].includes(basename(path)),
  });
  for (const [name, part] of Object.entries(parts)) {
    const directory = directoryOf(name, part.kind);
    const manifest = join(repository, `${part.kind}s`, name, 'package.json');
    mkdirSync(join(directory, 'src'), { recursive: true });
    // Some parts are known to the rules before they exist.
    writeFileSync(join(directory, 'package.json'), existsSync(manifest) ? readFileSync(manifest) : '{}');
    if (name !== 'domain') writeFileSync(join(directory, 'src', 'index.ts'), 'export {};\n');
  }
});
afterAll(() => rmSync(root, { recursive: true }));

function directoryOf(name: string, kind: string): string {
  return join(root, `${kind}s`, name);
}

/** Writes a file into the copy for one test, and returns the problems that name it. */
function plant(part: string, file: string, code: string): string[] {
  const path = join(directoryOf(part, parts[part]?.kind ?? 'lib'), 'src', file);
  writeFileSync(path, code);
  onTestFinished(() => rmSync(path));
  return checkArrows(root).problems.filter((problem) => problem.includes(`/${part}/src/${file}:`));
}

const forms = [
  (name: string) => `import { x } from '${name}';`,
  (name: string) => `import type { X } from '${name}';`,
  (name: string) => `import { type X } from '${name}';`,
  (name: string) => `import '${name}';`,
  (name: string) => `export * from '${name}';`,
  (name: string) => `export type { X } from '${name}';`,
  (name: string) => `const x = async () => import('${name}');`,
  (name: string) => `let x: typeof import('${name}');`,
  (name: string) => `let x: import('${name}').X;`,
  (name: string) => `import x = require('${name}');`,
  (name: string) => `const x = require('${name}');`,
];

test('the whole repository is read', () => {
  const result = checkArrows(repository);
  expect(result.files).toBeGreaterThan(50);
  expect(result.imports).toBeGreaterThan(100);
});

test.each(Object.keys(parts))('%s: each import of a part that is no arrow is named with its reason', (name) => {
  const part = parts[name];
  const targets = Object.keys(parts).filter((target) => !part?.may[target] && target !== 'testing');
  expect(targets.length).toBeGreaterThan(0);
  const problems = plant(name, 'planted.ts', targets.map((target) => `import { x } from '@runyard/${target}';\n`).join(''));
  const place = `${part?.kind}s/${name}/src/planted.ts`;
  expect(problems).toEqual(
    targets.map((target, index) => expect.stringContaining(`${place}:${index + 1}: @runyard/${target}: ${name} may import `)),
  );
  for (const problem of problems) expect(problem).toContain(part?.because);
});

test('testing is for specs only, and every way to import is found', () => {
  const code = forms.map((form) => `${form('@runyard/testing')}\n`).join('');
  const problems = plant('api', 'planted.ts', code);
  expect(problems).toEqual(forms.map((_, index) => expect.stringContaining(`planted.ts:${index + 1}: @runyard/testing: testing is for specs only`)));
});

test.each([
  ['@nestjs/common', 'worker', 'only api may import it'],
  ['bullmq', 'worker', 'only run-queue may import it'],
  ['bullmq/dist/esm/index.js', 'run-store', 'only run-queue may import it'],
  ['@nestjs/bullmq', 'api', 'only run-queue may import it'],
  ['ioredis', 'domain', 'domain may import only zod'],
  ['left-pad', 'worker', 'not declared: add it to dependencies'],
  ['vitest', 'worker', 'not declared'],
  ['fs', 'worker', 'write node:fs'],
  ['@runyard/domain/src/index.js', 'worker', 'a part is imported through what its package.json exports'],
  ['@runyard/claude/stop-ladder', 'worker', 'a part is imported through what its package.json exports'],
  ['./planted.fixture.js', 'worker', 'specs and their fixtures are no part of the product'],
  ['../../api/src/main.js', 'worker', 'a relative import must stay inside its part'],
  ['../../worker-two/src/main.js', 'worker', 'a relative import must stay inside its part'],
])('%s in %s is refused', (name, part, reason) => {
  expect(plant(part, 'planted.ts', `import { x } from '${name}';`)).toEqual([expect.stringContaining(`${name}: ${reason}`)]);
});

test('a computed import is refused in sources', () => {
  expect(plant('worker', 'planted.ts', 'const x = (y: string) => import(y);')).toEqual([expect.stringContaining('it cannot be checked')]);
});

test('specs may import vitest and fast-check, and the rules of their part hold for them too', () => {
  const code = "import 'vitest';\nimport 'fast-check';\nimport 'node:fs';\nimport { x } from '@runyard/api';\n";
  expect(plant('worker', 'planted.spec.ts', code)).toEqual([expect.stringContaining(':4: @runyard/api: worker may import')]);
});

test('comments and strings are no imports', () => {
  const code = '// import "a"\nconst x = `import "b"`; /* import("c") */ const y = "require(\'d\')";\n';
  expect(findImports('x.ts', code)).toEqual([]);
  expect(() => findImports('x.ts', 'import {')).toThrow('x.ts');
});

/** Changes the manifest of the domain for one check. */
function problemsWithManifest(change: Record<string, unknown>): string[] {
  const path = join(directoryOf('domain', 'lib'), 'package.json');
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(original), ...change }));
  try {
    return checkArrows(root).problems.filter((problem) => problem.includes('libs/domain'));
  } finally {
    writeFileSync(path, original);
  }
}

test('a package.json that declares a forbidden or an unused part, or misses one, is named', () => {
  expect(problemsWithManifest({ dependencies: { zod: '4', '@runyard/config': '*' } })).toEqual([
    expect.stringContaining('libs/domain/package.json: @runyard/config: domain may import no other part'),
  ]);
  expect(problemsWithManifest({ devDependencies: { '@runyard/testing': '*' } })).toEqual([
    'libs/domain/package.json: @runyard/testing is declared but never imported: remove it',
  ]);
  expect(problemsWithManifest({ dependencies: {} })[0]).toContain('zod: not declared');
});

test('no files, an empty part and an unknown part are failures', () => {
  const empty = mkdtempSync(join(tmpdir(), 'runyard-arrows-'));
  onTestFinished(() => rmSync(empty, { recursive: true }));
  expect(checkArrows(empty).problems).toEqual([expect.stringContaining('nothing was checked')]);
  mkdirSync(join(empty, 'libs', 'shared'), { recursive: true });
  writeFileSync(join(empty, 'libs', 'shared', 'package.json'), '{}');
  expect(checkArrows(empty).problems).toEqual([
    expect.stringContaining('libs/shared: no row in scripts/arrow-rules.mjs'),
    'libs/shared: no source files found',
    expect.stringContaining('nothing was checked'),
  ]);
});

test('every part that exists is known', () => {
  const existing = ['apps', 'libs'].flatMap((kind) => readdirSync(join(repository, kind)));
  expect(existing.filter((name) => !parts[name])).toEqual([]);
});

test('the warden, a second process beside each worker, loads nothing but what comes with Node', () => {
  const seen = new Set<string>();
  const strangers = (file: string): string[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    return findImports(file, readFileSync(file, 'utf8')).flatMap(({ name }) => {
      if (name === '@runyard/claude/processes') return strangers(join(repository, 'libs/claude/src/processes.ts'));
      if (name?.startsWith('.')) return strangers(resolve(file, '..', name.replace(/\.js$/, '.ts')));
      return name?.startsWith('node:') ? [] : [`${file}: ${name}`];
    });
  };
  expect(strangers(join(repository, 'apps/worker/src/warden/main.ts'))).toEqual([]);
  expect(seen.size).toBeGreaterThan(6);
});
