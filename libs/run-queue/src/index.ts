// Tickets on BullMQ: the only code that knows it.
export type { ReDelivery } from './queue-settings.js';
export { QueueBoard } from './queue-board.js';
export type { RunNames } from './queue-board.js';
export { QueueUnavailableError } from './queue-unavailable-error.js';
export { RunConsumer } from './run-consumer.js';
export type { RunConsumerOptions } from './run-consumer.js';
export { RunQueue } from './run-queue.js';
export type { NewTicket, RunQueueOptions } from './run-queue.js';
export { isNewer } from './ticket.js';
export type { Ticket } from './ticket.js';
export type { WaitingTickets } from './waiting-tickets.js';
export { patternOf, ScheduleTicks, TICK_QUEUE } from './schedule-ticks.js';
export type { PlannedTicks, TickConsumer } from './schedule-ticks.js';
export { cronFault, nextSlot, nextSlots, passedSlots } from './slot-times.js';
export type { PassedSlots, SlotRule } from './slot-times.js';
