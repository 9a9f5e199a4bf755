// Creating, finding and forgetting runs.
import { idSchema, newId, newSessionId, RUN_STATUSES } from '@runyard/domain';
import type { RunStatus } from '@runyard/domain';
import { rm } from 'node:fs/promises';
import type { CreateAnswer, CreateInput, ListQuery, RunPage } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { runDirectory } from './log-blob.js';
import { isRunId, memberOfPage } from './page-token.js';
import type { RunRecord } from './run-record.js';
import { create } from './scripts/create.js';
import { deleteRun } from './scripts/delete.js';
import { get, list } from './scripts/list.js';

const MAX_PAGES_PER_LIST = 20;
const sessionId = idSchema('session');

export class Runs {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
  ) {}

  create(input: CreateInput): Promise<CreateAnswer> {
    const { session_id, fork } = input.request;
    const newRun = { ...input, id: newId('run'), sessionId: session_id === undefined || fork === true ? newSessionId() : session_id };
    return this.connection.run((redis) => create(redis, this.keys, newRun));
  }

  async get(id: string): Promise<RunRecord | undefined> {
    return isRunId(id) ? this.connection.run((redis) => get(redis, this.keys, id)) : undefined;
  }

  async list(query: ListQuery): Promise<RunPage> {
    let before = memberOfPage(query.page);
    const { status, limit } = query;
    if (query.sessionId !== undefined && !sessionId.safeParse(query.sessionId).success) return { runs: [], nextPage: null };
    const index = this.keys.index(query.sessionId === undefined ? status && { status } : { sessionId: query.sessionId });
    const wanted = (run: RunRecord) => status === undefined || run.status === status;
    const runs: RunRecord[] = [];
    // Only with both filters may a page of the index hold runs that are not wanted.
    for (let pages = 0; pages < MAX_PAGES_PER_LIST; pages++) {
      const page = await this.connection.run((redis) => list(redis, this.keys, { index, before, limit: limit - runs.length }));
      runs.push(...page.runs.filter(wanted));
      before = page.next;
      if (before === '' || page.runs.every(wanted) || runs.length >= limit) break;
    }
    return { runs, nextPage: before === '' ? null : before };
  }

  async delete(id: string): Promise<'deleted' | 'not_found' | 'not_terminal'> {
    if (!isRunId(id)) return 'not_found';
    const answer = await this.connection.run((redis) => deleteRun(redis, this.keys, id));
    if (answer === 'deleted') await rm(runDirectory(this.dataDir, id), { recursive: true, force: true });
    return answer;
  }

  async counts(): Promise<Record<RunStatus, number>> {
    const entries = await this.connection.run((redis) =>
      Promise.all(RUN_STATUSES.map(async (status) => [status, await redis.zcard(this.keys.index({ status }))] as const)),
    );
    return Object.fromEntries(entries) as Record<RunStatus, number>;
  }
}
