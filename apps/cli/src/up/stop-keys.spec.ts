import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { onStopSignals } from './stop-keys.js';

function keys() {
  const signals = new EventEmitter();
  const steps: string[] = [];
  let nowMs = 0;
  const forget = onStopSignals(signals, { stop: () => steps.push('stop'), hurry: () => steps.push('hurry'), kill: () => steps.push('kill') }, () => nowMs);
  const press = (signal: string, atMs: number): void => {
    nowMs = atMs;
    signals.emit(signal);
  };
  return { press, steps, forget, signals };
}

test('a second signal within a second is the first; later ones hurry and kill', () => {
  const { press, steps } = keys();
  press('SIGINT', 0);
  press('SIGTERM', 999);
  expect(steps).toEqual(['stop']);
  press('SIGINT', 1000);
  press('SIGINT', 1500);
  expect(steps).toEqual(['stop', 'hurry']);
  press('SIGINT', 2000);
  press('SIGINT', 9000);
  expect(steps).toEqual(['stop', 'hurry', 'kill']);
});

test('a closed terminal stops, too, and nothing is left behind', () => {
  const { press, steps, forget, signals } = keys();
  press('SIGHUP', 0);
  expect(steps).toEqual(['stop']);
  forget();
  expect(['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => signals.listenerCount(name))).toEqual([0, 0, 0]);
});
