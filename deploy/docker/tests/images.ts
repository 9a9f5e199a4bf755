// Before the first test: the images, built once under a tag of this test run. After the last one: nothing is left.
import { randomBytes } from 'node:crypto';
import { hostEnvironment } from '@runyard/config';
import type { TestProject } from 'vitest/node';
import { runCommand, tryCommand } from './command.js';
import { docker, dockerEnvironment } from './docker.js';
import { removeAll } from './remove-all.mjs';
import { COMPOSE_FILE } from './stack.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Begins the project names of this test run; also the tag of its images. */
    readonly testRun: string;
  }
}

/** Builds the images; the answer removes them and whatever an interrupted test left. */
export async function setup(project: TestProject): Promise<() => void> {
  // Given by the runner, who cleans up even when this process is killed.
  const testRun = hostEnvironment()['RUNYARD_TEST_RUN'] ?? `runyard-test-${randomBytes(4).toString('hex')}`;
  project.provide('testRun', testRun);
  try {
    await build(testRun);
  } catch (error) {
    removeAll(testRun);
    throw error;
  }
  return () => removeAll(testRun);
}

async function build(testRun: string): Promise<void> {
  const startedAt = performance.now();
  const words = ['docker', 'compose', '-p', testRun, '--env-file', '/dev/null', '-f', COMPOSE_FILE, 'build'];
  const env = { ...dockerEnvironment(), RUNYARD_TAG: testRun };
  // A fault of BuildKit when two builds share steps (moby/buildkit#2303): what was built is kept, so once more is all it takes.
  const first = await tryCommand(words, { env });
  if (first.code !== 0 && !first.text.includes('inconsistent graph state')) throw new Error(`the images cannot be built:\n${first.text}`);
  if (first.code !== 0) await runCommand(words, { env });
  console.log(`images built in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  console.log(await docker('image', 'ls', '--filter', `reference=*:${testRun}`, '--format', '{{.Repository}}\t{{.Size}}'));
}
