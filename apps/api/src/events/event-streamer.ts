// Writes what happens in a run to a client until it ends: history first, then live, without a gap.
import { Injectable } from '@nestjs/common';
import { compareEventIds } from '@runyard/domain';
import { LogUnreadableError, RunStore } from '@runyard/run-store';
import type { StoredEvent } from '@runyard/run-store';
import type { FastifyReply } from 'fastify';
import { ApiContext } from '../api-context.js';
import { noSuchRun } from '../runs/run-id.param.js';
import { runView } from '../runs/run-view.js';
import { eventFrame } from './event-bytes.js';
import { OpenStreams } from './open-streams.js';
import type { ReplyStream } from './reply-stream.js';

export interface WantedEvents {
  /** Event id after which to begin. */
  readonly after: string | undefined;
  /** false leaves out partial text. */
  readonly deltas: boolean;
}

const RETRY = 'retry: 1000\n\n';
const NEWLINE = Buffer.from('\n');

@Injectable()
export class EventStreamer {
  constructor(
    private readonly store: RunStore,
    private readonly streams: OpenStreams,
    private readonly context: ApiContext,
  ) {}

  /** Server-sent events. A reconnect past the end of the run gets 204, which ends reconnecting. @throws ProblemError not_found */
  async streamEvents(runId: string, wanted: WantedEvents, reply: FastifyReply): Promise<void> {
    const begin = await this.#look(runId, wanted);
    if (begin === 'unknown') throw noSuchRun();
    if (begin === 'lost') return await this.#sayLost(runId, wanted.after, reply);
    if (begin === 'past the end') return void (await reply.code(204).send());
    const stream = this.streams.openEventStream(reply);
    await stream.write(RETRY);
    const whole = await this.#pump(runId, wanted, stream, (event) => eventFrame(runId, event));
    // Closed early by us: the client shall come back with the last id it has.
    stream.end(whole ? undefined : RETRY);
  }

  /** The CLI's own lines, byte by byte. @throws ProblemError not_found */
  async streamLines(runId: string, wanted: WantedEvents, reply: FastifyReply): Promise<void> {
    const begin = await this.#look(runId, wanted);
    if (begin === 'unknown') throw noSuchRun();
    if (begin === 'lost') throw new LogUnreadableError(`the log of ${runId} is gone`);
    const stream = this.streams.open(reply, 'application/x-ndjson; charset=utf-8');
    const whole = await this.#pump(runId, wanted, stream, (event) => (event.type.startsWith('claude.') ? Buffer.concat([event.data, NEWLINE]) : undefined));
    if (whole) stream.end();
    else stream.breakOff(); // lines have no way to say "not all", a broken connection has
  }

  async #look(runId: string, wanted: WantedEvents): Promise<'unknown' | 'past the end' | 'lost' | 'there'> {
    try {
      const page = await this.store.readEvents(runId, { ...wanted, limit: 1 });
      if (!page) return 'unknown';
      return page.end && page.events.length === 0 ? 'past the end' : 'there';
    } catch (error) {
      if (error instanceof LogUnreadableError) return 'lost';
      throw error;
    }
  }

  /** True when everything was written; false when the API closes or the store stopped answering. */
  async #pump(runId: string, wanted: WantedEvents, stream: ReplyStream, bytesOf: (event: StoredEvent) => Buffer | undefined): Promise<boolean> {
    const signal = AbortSignal.any([stream.gone, this.context.closing]);
    try {
      for await (const event of this.store.follow(runId, { ...wanted, signal })) {
        const bytes = bytesOf(event);
        if (bytes) await stream.write(bytes);
      }
      return !this.context.closing.aborted;
    } catch (error) {
      this.context.logger.warn({ err: error, run_id: runId }, 'event stream broken off');
      return false;
    }
  }

  /** History is gone: the client gets the run instead, never a silent gap. Its id is that of the end, so nobody is told twice. */
  async #sayLost(runId: string, after: string | undefined, reply: FastifyReply): Promise<void> {
    const run = await this.store.get(runId);
    if (!run) throw noSuchRun();
    const lastId = `${run.attempt}-${run.seq}`;
    if (after !== undefined && compareEventIds(after, lastId) >= 0) return void (await reply.code(204).send());
    this.context.logger.error({ run_id: runId }, 'the log of a run is lost');
    this.streams.openEventStream(reply).end(`${RETRY}id: ${lastId}\nevent: reset\ndata: ${JSON.stringify(runView(run))}\n\n`);
  }
}
