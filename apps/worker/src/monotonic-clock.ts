// The machine's monotonic clock: every process reads the same one, and nobody can set it.

/** Milliseconds on a clock that only goes forward; comparable between processes of one machine, meaningless elsewhere. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
