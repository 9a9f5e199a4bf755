// Values of options: text → number or list, or an error that commander prints with the option's name.
import { InvalidArgumentError } from 'commander';
import { parseDuration } from './units.js';

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @throws InvalidArgumentError */
export function parseWholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

/** @throws InvalidArgumentError */
export function parseAmount(value: string): number {
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(value)) throw new InvalidArgumentError('It must be an amount in dollars, such as 0.50.');
  return Number(value);
}

/** Seconds. @throws InvalidArgumentError */
export function parseSeconds(value: string): number {
  const seconds = parseDuration(value);
  if (seconds === undefined) throw new InvalidArgumentError('It must be a time such as 90, 15m or 2h.');
  return seconds;
}
