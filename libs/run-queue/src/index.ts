// Tickets on BullMQ: the only code that knows it.
export type { ReDelivery } from './queue-settings.js';
export { QueueUnavailableError } from './queue-unavailable-error.js';
export { RunConsumer } from './run-consumer.js';
export type { RunConsumerOptions } from './run-consumer.js';
export { RunQueue } from './run-queue.js';
export type { RunQueueOptions } from './run-queue.js';
export type { Ticket } from './ticket.js';
