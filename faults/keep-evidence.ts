// The evidence of a case that broke a promise, kept as a file for whoever looks into it.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Violation } from './checker.ts';
import type { Evidence } from './evidence.ts';

const DIRECTORY = join('.faults', 'evidence');

/** The violations, each with the name of the file. Nothing is written when there are none. */
export async function keepEvidence(runId: string, evidence: Evidence, violations: readonly Violation[]): Promise<Violation[]> {
  if (violations.length === 0) return [];
  const path = join(DIRECTORY, `${runId}.json`);
  await mkdir(DIRECTORY, { recursive: true });
  await writeFile(path, JSON.stringify(evidence, undefined, 1));
  return violations.map((violation) => ({ ...violation, what: `${violation.what} [${path}]` }));
}
