// Cron expressions that mean something else than they seem to, and which field is to blame.
import { expect, test } from 'vitest';
import { cronFault } from './slot-times.js';

test.each([
  ['*/100 * * * *', /the minute cannot go in steps of 100: \*\/100 has only 60 values/],
  ['0 */25 * * *', /the hour cannot go in steps of 25/],
  ['0 0 */40 * *', /the day of month cannot go in steps of 40/],
  ['0 0 1 */13 *', /the month cannot go in steps of 13/],
  ['0 0 * * */9', /the day of week cannot go in steps of 9/],
  ['0,10-20/15 * * * *', /the minute cannot go in steps of 15: 10-20\/15 has only 11 values/],
  ['50/15 * * * *', /the minute cannot go in steps of 15: 50\/15 has only 10 values/],
  ['60 * * * *', /the minute must be within 0-59, not 60/],
  ['0 24 * * *', /the hour must be within 0-23, not 24/],
  ['0 0 1-40 * *', /the day of month must be within 1-31, not 1-40/],
  ['0 0 1 13 *', /the month must be within 1-12, not 13/],
  ['0 0 * * 8', /the day of week must be within 0-7, not 8/],
  ['0 0 * FOO *', /the month must not be FOO/],
  ['0 0 - * *', /the day of month must not be -/],
  ['1-2-3 * * * *', /the minute must not be 1-2-3/],
  ['* * * * *#1', /the day of week must not be \*#1/],
  ['0 0 1L * *', /the day of month must not be 1L/],
  ['0 0 30 2 *', /^is never due/],
])('%s is refused, naming the field', (cron, message) => {
  expect(cronFault(cron)).toMatch(message);
});

test.each(['*/60 * * * *', '0 */24 * * *', '0 0 */31 * *', '10-20/11 * * * *', '5/55 * * * *', '0 0 * JAN-MAR/2 *', '0 9 L * *', '0 9 * * 5L', '0 9 * * MON#2', '0 0 * * 7'])('%s means what it says', (cron) => {
  expect(cronFault(cron)).toBeUndefined();
});
