// A vitest reporter that writes the counts of a run, as JSON, to the file named by RUNYARD_TEST_SUMMARY.
import { writeFileSync } from 'node:fs';

/** Counts tests by state. A file that failed to load, and an error outside any test, each count as one failure. */
export function countTests(testModules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const testModule of testModules) {
    let failedTests = 0;
    for (const testCase of testModule.children.allTests()) {
      const state = testCase.result().state;
      if (state === 'failed') failedTests += 1;
      // A test that never came to a result (a crashed worker, for example) has not passed.
      counts[state === 'pending' ? 'failed' : state] += 1;
    }
    if (failedTests === 0 && testModule.state() === 'failed') counts.failed += 1;
  }
  return counts;
}

export default class SummaryReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const file = process.env.RUNYARD_TEST_SUMMARY;
    if (file) writeFileSync(file, JSON.stringify(countTests(testModules, unhandledErrors)));
  }
}
