// Creating, finding and forgetting runs.
import { newId, newSessionId, RUN_STATUSES } from '@runyard/domain';
import type { RunStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CancelAnswer, CreateAnswer, CreateInput, ListQuery, RunPage } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import type { RecoverAction, RecoverAnswer } from './leaving.js';
import { runDirectory } from './log-blob.js';
import { isRunId } from './page-token.js';
import { indexQuery } from './run-indexes.js';
import type { RunRecord } from './run-record.js';
import { cancel } from './scripts/cancel.js';
import { create } from './scripts/create.js';
import { deleteRun } from './scripts/delete.js';
import { get, list, listIds } from './scripts/list.js';
import { recover } from './scripts/recover.js';
import type { IndexPage, IndexQuery } from './scripts/list.js';

const MAX_LOOKS_PER_LIST = 10;

export class Runs {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
  ) {}

  async create(input: CreateInput): Promise<CreateAnswer> {
    const { session_id, fork } = input.request;
    const newRun = { ...input, id: newId('run'), sessionId: session_id === undefined || fork === true ? newSessionId() : session_id };
    const answer = await this.connection.run((redis) => create(redis, this.keys, newRun));
    if (answer.kind === 'slot_refused') throw new TypeError('a run that is of no slot was refused for one');
    return answer;
  }

  async get(id: string): Promise<RunRecord | undefined> {
    return isRunId(id) ? this.connection.run((redis) => get(redis, this.keys, id)) : undefined;
  }

  async list(query: ListQuery): Promise<RunPage> {
    const { runs, nextPage } = await this.#pages(query, (redis, part) => list(redis, part, this.keys));
    return { runs, nextPage };
  }

  /** The ids alone: for work on many runs, whose prompts may be large. */
  async ids(query: ListQuery): Promise<{ readonly ids: string[]; readonly nextPage: string | null }> {
    const { runs, nextPage } = await this.#pages(query, (redis, part) => listIds(redis, part, this.keys));
    return { ids: runs, nextPage };
  }

  async #pages<T>(query: ListQuery, read: (redis: Redis, part: IndexQuery) => Promise<IndexPage<T>>): Promise<{ runs: T[]; nextPage: string | null }> {
    const runs: T[] = [];
    let page = query.page;
    // Only with several filters may one look not fill the page.
    for (let looks = 0; looks < MAX_LOOKS_PER_LIST; looks++) {
      const where = indexQuery(this.keys, query, page);
      if (where === undefined) return { runs, nextPage: null };
      const part = await this.connection.run((redis) => read(redis, { ...where, limit: query.limit }));
      runs.push(...part.found);
      if (part.next === '') return { runs, nextPage: null };
      page = part.next;
      if (runs.length > 0) break;
    }
    return { runs, nextPage: page ?? null };
  }

  async cancel(id: string): Promise<CancelAnswer> {
    if (!isRunId(id)) return { kind: 'not_found' };
    const inputId = newId('input');
    return this.connection.run((redis) => cancel(redis, this.keys, id, inputId));
  }

  async recover(id: string, action: RecoverAction): Promise<RecoverAnswer> {
    return isRunId(id) ? this.connection.run((redis) => recover(redis, this.keys, id, action)) : { kind: 'not_found' };
  }

  async delete(id: string): Promise<'deleted' | 'not_found' | 'not_terminal'> {
    if (!isRunId(id)) return 'not_found';
    const { kind, session } = await this.connection.run((redis) => deleteRun(redis, this.keys, id));
    if (kind === 'deleted') await rm(runDirectory(this.dataDir, id), { recursive: true, force: true });
    if (session !== '') await rm(join(this.dataDir, 'sessions', session), { recursive: true, force: true });
    return kind;
  }

  async names(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const known = [...new Set(ids)].filter((id) => isRunId(id));
    const entries = await this.connection.run((redis) => Promise.all(known.map(async (id) => [id, await redis.hget(this.keys.run(id), 'name')] as const)));
    return new Map(entries.flatMap(([id, name]) => (name === null ? [] : [[id, name] as const])));
  }

  async counts(): Promise<Record<RunStatus, number>> {
    const entries = await this.connection.run((redis) =>
      Promise.all(RUN_STATUSES.map(async (status) => [status, await redis.zcard(this.keys.index('status', status))] as const)),
    );
    return Object.fromEntries(entries) as Record<RunStatus, number>;
  }
}
