// Each rule of recovery, and which of them wins.
import { expect, test } from 'vitest';
import { failedOutcome } from './outcomes.js';
import { failure } from '@runyard/domain';
import { planRecovery } from './recovery-plan.js';
import type { PastRun, PastWork, RecoveryOption } from './recovery-plan.js';

const nothing: PastWork = { answered: false, changed: false, changingInFlight: [], logIsWhole: true };
const read: PastWork = { ...nothing, answered: true };
const clean: PastWork = { ...read, changed: true };
const dirty: PastWork = { ...clean, changingInFlight: ['Bash: make deploy'] };
const torn: PastWork = { ...clean, logIsWhole: false };
const lost: PastRun = { option: 'auto', left: 'lease_expired', decision: null, losses: 1, outcome: undefined, work: clean, hasTranscript: true };
const OPTIONS: RecoveryOption[] = ['auto', 'resume', 'restart', 'never'];
const plan = (past: Partial<PastRun>): string => planRecovery({ ...lost, ...past }).kind;

// Rows: what was done. Columns: auto, resume, restart, never.
test.each([
  ['nothing was started', undefined, true, ['start', 'start', 'start', 'start']],
  ['Claude had not answered', nothing, true, ['restart', 'restart', 'restart', 'fail']],
  ['only reading was done', read, true, ['resume', 'resume', 'restart', 'fail']],
  ['only reading was done, no transcript', read, false, ['restart', 'restart', 'restart', 'fail']],
  ['a clean cut', clean, true, ['resume', 'resume', 'restart', 'fail']],
  ['a clean cut, no transcript', clean, false, ['ask', 'ask', 'restart', 'fail']],
  ['a change was under way', dirty, true, ['ask', 'resume', 'restart', 'fail']],
  ['a change was under way, no transcript', dirty, false, ['ask', 'ask', 'restart', 'fail']],
  ['Redis lost events', torn, true, ['ask', 'resume', 'restart', 'fail']],
  ['another data directory', 'unknown', false, ['ask', 'ask', 'restart', 'fail']],
] as const)('%s', (_, work, hasTranscript, expected) => {
  expect(OPTIONS.map((option) => plan({ option, work, hasTranscript }))).toEqual(expected);
});

test.each(OPTIONS)('recovery %s: an outcome that was reached is published, whatever else is known', (option) => {
  const outcome = failedOutcome(failure('refused', 'No.'));
  for (const work of [undefined, nothing, dirty, torn, 'unknown'] as const) {
    expect(planRecovery({ ...lost, option, work, outcome, losses: 9 })).toEqual({ kind: 'publish', outcome });
  }
});

test.each(['handed_over', 'quota', 'auth'] as const)('%s is no loss: neither never nor restart apply', (left) => {
  for (const option of OPTIONS) {
    expect(plan({ left, option, losses: 0 })).toBe('resume');
    expect(plan({ left, option, losses: 0, work: nothing })).toBe('restart');
  }
});

test('a hand-over in the middle of something is as good as a loss', () => {
  expect(OPTIONS.map((option) => plan({ left: 'handed_over', option, losses: 0, work: dirty }))).toEqual(['ask', 'resume', 'restart', 'fail']);
});

test('what a user decided wins over the option and the count, but a conversation that is gone cannot be resumed', () => {
  for (const option of OPTIONS) {
    expect(plan({ option, left: 'recovery', work: dirty, decision: 'resume', losses: 5 })).toBe('resume');
    expect(plan({ option, left: 'recovery', work: dirty, decision: 'restart', losses: 5 })).toBe('restart');
    expect(plan({ option, left: 'recovery', work: 'unknown', hasTranscript: false, decision: 'resume' })).toBe('ask');
  }
});

test('three lost claims without progress are enough, also when no process was ever seen', () => {
  for (const work of [undefined, nothing, clean, dirty] as const) {
    const past = { ...lost, losses: 3, work };
    expect(planRecovery(past)).toMatchObject({ kind: 'fail', failure: { code: 'poisoned' } });
  }
  expect(plan({ losses: 2 })).toBe('resume');
});

test('who has to decide is told about what', () => {
  expect(planRecovery({ ...lost, work: dirty })).toMatchObject({ detail: expect.stringContaining('Bash: make deploy') });
  expect(planRecovery({ ...lost, work: { ...dirty, logIsWhole: false } })).toMatchObject({ detail: expect.stringMatching(/^Redis lost .* This may have run: Bash: make deploy\. Decide/) });
  expect(planRecovery({ ...lost, work: torn })).toMatchObject({ detail: expect.stringMatching(/is not known\. Decide/) });
});
