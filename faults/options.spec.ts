// What the command line means, and that a seed gives the same choices again.
import { expect, test } from 'vitest';
import { readOptions } from './options.ts';
import { SeededRandom } from './seeded-random.ts';

test('without arguments: what CI runs', () => {
  expect(readOptions([])).toEqual({ rows: undefined, from: 1, n: undefined, jobs: 4, results: '.faults/results.ndjson' });
});

test('a slice of a row', () => {
  expect(readOptions(['--row', '4,7', '--from', '101', '--n', '50'])).toMatchObject({ rows: [4, 7], from: 101, n: 50 });
});

test.each([['--row', 'x'], ['--n', '0'], ['--n', '-1'], ['--from', '1.5'], ['--sleep', '1']])('%s %s is refused', (name, value) => {
  expect(() => readOptions([name, value])).toThrow();
});

test('the same seed and words give the same choices, others give others', () => {
  const choices = (random: SeededRandom): number[] => Array.from({ length: 50 }, () => random.between(0, 1000));
  expect(choices(new SeededRandom(7, 'row'))).toEqual(choices(new SeededRandom(7, 'row')));
  expect(choices(new SeededRandom(8, 'row'))).not.toEqual(choices(new SeededRandom(7, 'row')));
  expect(choices(new SeededRandom(7, 'wor'))).not.toEqual(choices(new SeededRandom(7, 'row')));
  const ends = new Set(Array.from({ length: 200 }, (_, seed) => new SeededRandom(seed).between(1, 3)));
  expect([...ends].toSorted()).toEqual([1, 2, 3]);
  expect(new SeededRandom(1).pick(['only'])).toBe('only');
  expect(() => new SeededRandom(1).pick([])).toThrow(RangeError);
});
