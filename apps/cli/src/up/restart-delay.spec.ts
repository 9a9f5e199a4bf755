import { expect, test } from 'vitest';
import { nextRestart } from './restart-delay.js';

test('2 s, doubling to 120 s', () => {
  const delays: number[] = [];
  for (let failures = 0; failures < 9; ) {
    const restart = nextRestart(failures, 100);
    ({ failures } = restart);
    delays.push(restart.delayMs / 1000);
  }
  expect(delays).toEqual([2, 4, 8, 16, 32, 64, 120, 120, 120]);
});

test('from 2 s again after 60 s up', () => {
  expect(nextRestart(5, 59_999)).toEqual({ failures: 6, delayMs: 64_000 });
  expect(nextRestart(5, 60_000)).toEqual({ failures: 1, delayMs: 2000 });
});
