// Versions of what one process writes and another reads: an older worker hands on what is newer than it understands.

/** Of tickets in the queue. */
export const TICKET_VERSION = 1;

/** Of run records in the store. */
export const RECORD_VERSION = 1;
