// Why something could not be written: for want of room, which somebody can mend, or for a reason that should not be.

/** The failure that a run has which this error ends. */
export function failureCodeOf(error: unknown): 'disk_full' | 'internal' {
  const isFull = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  return isFull ? 'disk_full' : 'internal';
}
