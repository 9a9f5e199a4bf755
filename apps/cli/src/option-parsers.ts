// Values of options: text → number or list, or an error that commander prints with the option's name.
import { LIMITS } from '@runyard/domain';
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

/** −10 … 10. @throws InvalidArgumentError */
export function parsePriority(value: string): number {
  const number = /^-?\d{1,2}$/.test(value) ? Number(value) : Number.NaN;
  if (!(Math.abs(number) <= LIMITS.priority)) throw new InvalidArgumentError(`It must be a whole number from -${LIMITS.priority} to ${LIMITS.priority}.`);
  return number;
}

/** A time as ISO text: as it is given, or so long from now. @throws InvalidArgumentError */
export function parseTime(value: string): string {
  const seconds = parseDuration(value);
  const ms = seconds === undefined ? (/^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN) : Date.now() + seconds * 1000;
  if (!Number.isFinite(ms)) throw new InvalidArgumentError('It must be a time such as 2026-12-31T23:00, 2026-12-31T23:00:00Z, or so long from now: 90, 15m, 2h.');
  return new Date(ms).toISOString();
}
