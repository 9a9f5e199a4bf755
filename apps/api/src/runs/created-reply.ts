// The answer to a request that makes a run: at once, when the run has settled, or as the stream of its events.
import type { IncomingHttpHeaders } from 'node:http';
import type { RunRecord, RunStore } from '@runyard/run-store';
import type { FastifyReply } from 'fastify';
import type { ApiContext } from '../api-context.js';
import type { EventStreamer } from '../events/event-streamer.js';
import { preferredType } from '../http/accept.js';
import { goneSignal } from '../http/gone-signal.js';
import { waitSeconds } from '../http/prefer.js';
import type { TakenIn } from './run-intake.js';
import type { RunViews } from './run-views.js';
import { settledRun } from './settled-run.js';

/** What answering needs; the controllers of runs have it. */
export interface ReplyParts {
  readonly store: RunStore;
  readonly views: RunViews;
  readonly streamer: EventStreamer;
  readonly context: ApiContext;
}

/** How the client wants to be answered. */
export interface WantedReply {
  readonly isStream: boolean;
  /** Of `Prefer: wait`; undefined = do not wait. */
  readonly seconds: number | undefined;
}

/** Read this before anything is made. @throws ProblemError invalid_parameter when `Prefer: wait` cannot be read */
export function wantedReply({ accept, prefer }: IncomingHttpHeaders): WantedReply {
  return { isStream: preferredType(accept, ['application/json', 'text/event-stream']) === 'text/event-stream', seconds: waitSeconds(prefer) };
}

/** 201 with `Location`; ends the reply. */
export async function replyCreated({ run, replayed }: TakenIn, { isStream, seconds }: WantedReply, reply: FastifyReply, parts: ReplyParts): Promise<void> {
  reply.code(201).header('location', `/v1/runs/${run.id}`).header('vary', 'Accept');
  if (replayed) reply.header('idempotent-replayed', 'true');
  if (isStream) return parts.streamer.streamEvents(run.id, { after: undefined, deltas: true }, reply);
  const body = await parts.views.of(await waitedRun(run, seconds, reply, parts));
  await reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}

/** The run when it has settled, the time is over, the client has left or this process closes. */
export async function waitedRun(run: RunRecord, seconds: number | undefined, reply: FastifyReply, { store, context }: Pick<ReplyParts, 'store' | 'context'>): Promise<RunRecord> {
  if (seconds === undefined) return run;
  reply.header('preference-applied', `wait=${seconds}`);
  const over = AbortSignal.timeout(seconds * 1000);
  return settledRun(store, run, AbortSignal.any([over, goneSignal(reply), context.closing]));
}
