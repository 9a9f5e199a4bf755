// Temporary files of runs have no run in their names: they are looked for when all runs of a stand are over.
import { waitFor } from '@runyard/testing';
import type { CaseResult } from './row.ts';
import type { Stand } from './stand.ts';

const GRACE_MS = 5000;

/** The results, the first one with a violation for each file that is left 5 s after the end of the last run. */
export async function withLeftFiles(stand: Stand, results: readonly CaseResult[]): Promise<CaseResult[]> {
  await waitFor(async () => (await stand.leftFiles()).length === 0, { what: 'no temporary files', timeoutMs: GRACE_MS }).catch(() => undefined);
  const violations = (await stand.leftFiles()).map((file) => ({ invariant: 'I5' as const, what: `left over: temporary files ${file}` }));
  return results.map((result, index) => (index === 0 ? { ...result, violations: [...result.violations, ...violations] } : result));
}
