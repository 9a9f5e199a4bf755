// The API processes that are there: each says so every few seconds, and is forgotten when it does not.
import { randomUUID } from 'node:crypto';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { listOf, textOf } from './reply.js';
import { EVEN_WHEN_FULL, Script } from './script.js';
import { lua } from './scripts/common.js';

export interface ApiReplica {
  /** Of one process, never of the next one. */
  readonly id: string;
  readonly host: string;
  readonly version: string;
  /** ISO. */
  readonly startedAt: string;
  /** How many follow runs through it. */
  readonly viewers: number;
}

const GONE_AFTER_MS = 15_000;

const heartbeatScript = new Script(
  lua(`
local id, info, gone_ms = unpack(ARGV, 2)
redis.call('SET', KEYS[1] .. ':' .. id, info, 'PX', gone_ms)
redis.call('SADD', KEYS[1], id)
redis.call('PEXPIRE', KEYS[1], gone_ms)
return 1
`),
  EVEN_WHEN_FULL,
);

const listScript = new Script(
  lua(`
local reply = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local info = redis.call('GET', KEYS[1] .. ':' .. id)
  if info then reply[#reply + 1] = info else redis.call('SREM', KEYS[1], id) end
end
return reply
`),
  EVEN_WHEN_FULL,
);

/** Every method may throw RedisUnavailableError. */
export class ApiReplicas {
  /** What this process is called, if it is one of the API. */
  readonly ownId = `api_${randomUUID()}`;

  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  /** Says that this process is there, for 15 s. */
  async heartbeat(info: Omit<ApiReplica, 'id'>): Promise<void> {
    const args = [this.keys.prefix, this.ownId, JSON.stringify({ id: this.ownId, ...info }), GONE_AFTER_MS];
    await this.connection.run((redis) => heartbeatScript.run(redis, [this.#all], args));
  }

  /** Says that this process is not there any more. */
  async leave(): Promise<void> {
    await this.connection.run((redis) => redis.multi().srem(this.#all, this.ownId).del(`${this.#all}:${this.ownId}`).exec());
  }

  /** Those that were heard of within the last 15 s, ordered by id. */
  async list(): Promise<ApiReplica[]> {
    const infos = listOf(await this.connection.run((redis) => listScript.run(redis, [this.#all], [this.keys.prefix])));
    return infos.map((info) => JSON.parse(textOf(info)) as ApiReplica).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** A set of ids; what each of them says is below it. */
  get #all(): string {
    return `${this.keys.prefix}apis`;
  }
}
