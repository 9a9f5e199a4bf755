// The queue cannot take a ticket for now.

/** Redis cannot be reached, answers too late or refuses to work. The dispatch stays in the outbox of the run store. */
export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';
}
