// Writes the generated documents from the built schemas, or with --check tells whether they are up to date.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { dirname, join, relative } from 'node:path';

const root = dirname(import.meta.dirname);
const built = join(root, 'apps/api/dist/documents/all-documents.js');

const check = process.argv.includes('--check');
const { allDocuments } = await import(pathToFileURL(built).href).catch((error) => {
  console.error(`The documents are made from built code, and ${relative(root, built)} cannot be loaded (${error.code ?? error.message}).\nRun: npm run build`);
  process.exit(1);
});

const stale = [];
for (const [name, text] of Object.entries(await allDocuments())) {
  const path = join(root, 'docs', name);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue;
  stale.push(`docs/${name}`);
  if (check) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

if (check && stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}.\nRun: npm run build && npm run docs`);
  process.exit(1);
}
console.log(stale.length === 0 ? 'Generated documents are up to date.' : `Written: ${stale.join(', ')}.`);
