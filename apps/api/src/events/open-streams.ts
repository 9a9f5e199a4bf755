// All open answers that are written bit by bit: one heartbeat timer for all of them.
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ReplyStream } from './reply-stream.js';

/** Internal times, in milliseconds; specs shorten them. */
export interface StreamTimes {
  readonly heartbeatMs: number;
  readonly stallMs: number;
}

export const STREAM_TIMES: StreamTimes = { heartbeatMs: 15_000, stallMs: 300_000 };

const HEARTBEAT = ': keep-alive\n\n';

@Injectable()
export class OpenStreams {
  readonly #beating = new Set<ReplyStream>();
  readonly #times: StreamTimes;
  #timer: NodeJS.Timeout | undefined;

  constructor(times: StreamTimes) {
    this.#times = times;
  }

  /** Opens an SSE answer with heartbeats. */
  openEventStream(reply: FastifyReply): ReplyStream {
    const stream = this.open(reply, 'text/event-stream; charset=utf-8');
    this.#beating.add(stream);
    stream.gone.addEventListener('abort', () => this.#forget(stream));
    this.#timer ??= setInterval(() => this.#beat(), this.#times.heartbeatMs);
    return stream;
  }

  /** Opens an answer of another type; it gets no heartbeats. */
  open(reply: FastifyReply, contentType: string): ReplyStream {
    // no-transform and X-Accel-Buffering keep proxies from holding events back.
    const headers = { 'content-type': contentType, 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };
    return ReplyStream.open(reply, { headers, stallMs: this.#times.stallMs });
  }

  #beat(): void {
    for (const stream of this.#beating) stream.writeIfIdle(HEARTBEAT);
  }

  #forget(stream: ReplyStream): void {
    this.#beating.delete(stream);
    if (this.#beating.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
