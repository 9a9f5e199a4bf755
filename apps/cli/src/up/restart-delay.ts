// When a process that ended by itself is started again.

const FIRST_MS = 2_000;
const LONGEST_MS = 120_000;
const HEALTHY_MS = 60_000;

export interface Restart {
  /** Ends in a row, this one included. */
  readonly failures: number;
  readonly delayMs: number;
}

/** After `failures` ends in a row and another one `upMs` after its start: 2 s, doubling to 120 s; from 2 s again when it was up for 60 s. */
export function nextRestart(failures: number, upMs: number): Restart {
  const inARow = upMs >= HEALTHY_MS ? 1 : failures + 1;
  return { failures: inARow, delayMs: Math.min(LONGEST_MS, FIRST_MS * 2 ** (inARow - 1)) };
}
