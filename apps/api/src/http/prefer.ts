// The header Prefer: wait=N (RFC 7240): how long an answer may be held back for a settled run.
import { LIMITS, ProblemError } from '@runyard/domain';

/**
 * Seconds to wait, at most 60; undefined when the header does not ask for it. Other preferences are ignored, as they may be.
 * @throws ProblemError invalid_parameter when `wait` is no whole number
 */
export function waitSeconds(prefer: string | readonly string[] | undefined): number | undefined {
  const header = typeof prefer === 'string' ? prefer : prefer?.join(',');
  for (const preference of header?.split(',') ?? []) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim());
    if (name.toLowerCase() !== 'wait') continue;
    const digits = /^"?(\d{1,6})"?$/.exec(value)?.[1];
    if (digits === undefined) {
      throw new ProblemError('invalid_parameter', undefined, [{ field: 'Prefer', message: 'must be wait=<seconds>, such as wait=30' }]);
    }
    return Math.min(Number(digits), LIMITS.waitSeconds);
  }
  return undefined;
}
