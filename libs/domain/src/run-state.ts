// The states of a run and which may follow which, as data.
import { z } from 'zod';

export const RUN_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'canceled'] as const;
export const RunStatus = z.enum(RUN_STATUSES).meta({ id: 'RunStatus', description: 'State of a run.' });
export type RunStatus = z.infer<typeof RunStatus>;

/** Why a run may go from one state to another; a pair that is not here is forbidden. */
export const RUN_TRANSITIONS = [
  { from: 'queued', to: 'running', because: 'a worker claimed it' },
  { from: 'queued', to: 'canceled', because: 'it was canceled before any worker had it' },
  { from: 'queued', to: 'failed', because: 'it expired in the queue, or may not be started again' },
  { from: 'queued', to: 'waiting', because: 'credentials or quota are missing' },
  { from: 'running', to: 'waiting', because: 'somebody or something outside must decide' },
  { from: 'running', to: 'queued', because: 'it was handed over or its worker was lost' },
  { from: 'running', to: 'succeeded', because: 'Claude finished' },
  { from: 'running', to: 'failed', because: 'Claude or its surroundings failed' },
  { from: 'running', to: 'canceled', because: 'it was canceled' },
  { from: 'waiting', to: 'running', because: 'it was decided while its process was held' },
  { from: 'waiting', to: 'queued', because: 'it was decided, or its time has come' },
  { from: 'waiting', to: 'failed', because: 'it was abandoned, or nobody decided in time' },
  { from: 'waiting', to: 'canceled', because: 'it was canceled' },
] as const satisfies readonly { from: RunStatus; to: RunStatus; because: string }[];

export const TERMINAL_STATUSES = ['succeeded', 'failed', 'canceled'] as const satisfies readonly RunStatus[];
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

/** True when nothing may follow this state. */
export function isTerminal(status: RunStatus): status is TerminalStatus {
  return !RUN_TRANSITIONS.some((transition) => transition.from === status);
}

/** True when a run in state `from` may go to state `to`. */
export function mayBecome(from: RunStatus, to: RunStatus): boolean {
  return RUN_TRANSITIONS.some((transition) => transition.from === from && transition.to === to);
}

export const WaitingFor = z.enum(['permission', 'recovery', 'quota', 'auth']).meta({ id: 'WaitingFor' });
export type WaitingFor = z.infer<typeof WaitingFor>;

export const QueuedReason = z.enum(['capacity', 'session', 'schedule', 'run_at', 'paused']).meta({ id: 'QueuedReason' });
export type QueuedReason = z.infer<typeof QueuedReason>;
