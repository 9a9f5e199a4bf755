// What the store throws; everything else is answered as a value.

/** Redis cannot be reached, answers too late, or refuses to work for now (LOADING, READONLY, MISCONF, OOM, NOAUTH …). */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

/** The page token of a list was not made by this store. */
export class InvalidPageError extends Error {
  override readonly name = 'InvalidPageError';
}

/** The finished log of a run is missing or damaged. The message names the run and, for a file, its path. */
export class LogUnreadableError extends Error {
  override readonly name = 'LogUnreadableError';
}
