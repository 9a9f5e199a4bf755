// Is there room in Redis? A full one refuses the writes of running runs too, so new ones are refused before it comes to that.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import { RedisUnavailableError, RunStore } from '@runyard/run-store';
import { size } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';

const LOOK_EVERY_MS = 1000;
/** Shares of maxmemory: worth a look, trouble ahead, no new runs. */
const FILLING = 0.7;
const NEARLY_FULL = 0.85;
const FULL = 0.95;

interface Room {
  readonly used: number;
  /** 0 = no limit. */
  readonly limit: number;
}

@Injectable()
export class RedisRoom {
  #seen: Promise<Room> | undefined;
  #seenAtMs = 0;

  constructor(private readonly store: RunStore) {}

  /** @throws ProblemError redis_full from 95 % of maxmemory on. A Redis that cannot be asked is for the write itself to find out. */
  async demandRoom(): Promise<void> {
    const room = await this.#room().catch((error: unknown) => {
      if (error instanceof RedisUnavailableError) return undefined;
      throw error;
    });
    if (room && shareOf(room) >= FULL) throw new ProblemError('redis_full', `Redis has ${told(room)}.`);
  }

  /** For the health report. @throws RedisUnavailableError */
  async check(): Promise<HealthCheck> {
    const room = await this.#look();
    if (room.limit === 0) return { ok: true, detail: `${size(room.used)} used, no limit set` };
    const share = shareOf(room);
    const detail = told(room);
    if (share >= FULL) return { ok: false, detail: `full: ${detail}; new runs are refused: raise maxmemory or delete old runs` };
    if (share >= NEARLY_FULL) return { ok: false, detail: `nearly full: ${detail}; from 95 % on new runs are refused: raise maxmemory or delete old runs` };
    return { ok: true, detail: share >= FILLING ? `filling up: ${detail}` : detail };
  }

  /** As it was at most a second ago: many requests ask for it. */
  #room(): Promise<Room> {
    if (this.#seen === undefined || performance.now() - this.#seenAtMs >= LOOK_EVERY_MS) return this.#look();
    return this.#seen;
  }

  #look(): Promise<Room> {
    const look = this.store.memory().then(({ usedMemoryBytes, maxMemoryBytes }) => ({ used: usedMemoryBytes, limit: maxMemoryBytes }));
    this.#seenAtMs = performance.now();
    this.#seen = look;
    // What failed is asked again by the next request.
    look.catch(() => (this.#seen = undefined));
    return look;
  }
}

function shareOf({ used, limit }: Room): number {
  return limit === 0 ? 0 : used / limit;
}

function told(room: Room): string {
  return `${size(room.used)} of ${size(room.limit)} used (${Math.floor(shareOf(room) * 100)} %)`;
}
