#!/usr/bin/env node
// The `runyard` command as a process.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '@runyard/config';
import { runCommand } from './program.js';

const own = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(`${own}/package.json`, 'utf8')) as { version: string };

const argv = process.argv.slice(2);

// Whoever reads our output may stop reading: `runyard logs … | head`. The local stack goes on without: it has runs to finish.
process.stdout.on('error', () => {
  if (argv[0] !== 'up' && argv[0] !== 'start') process.exit(0);
});

process.exitCode = await runCommand(
  argv,
  { env: hostEnvironment(), cwd: process.cwd(), root: dirname(dirname(own)), stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signals: process },
  version,
);
