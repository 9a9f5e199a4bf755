// In which order vitest takes the files: those that wait longest first, so that the last minutes do not belong to one of them.
import { BaseSequencer } from 'vitest/node';

/** From experience; a fresh clone knows no durations yet. */
const LONG = [/\/apps\/worker\/src\/(?:worker-|recovery|full-redis|neighbours|hand-over|upstream)/, /\/apps\/worker\//, /\/up\.spec\.ts$/, /\/libs\/claude\/src\/(?:real-|failure-table)/, /\/schedules\//];

/** @param {import('vitest/node').TestSpecification} file */
function rank({ moduleId }) {
  const at = LONG.findIndex((pattern) => pattern.test(moduleId));
  return at < 0 ? LONG.length : at;
}

export class LongestFirst extends BaseSequencer {
  /** @param {import('vitest/node').TestSpecification[]} files */
  async sort(files) {
    const usual = super.sort.bind(this);
    return (await usual(files)).toSorted((one, two) => rank(one) - rank(two));
  }
}
