// The Redis server itself: is it there, and does it keep what it is told?
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RedisHealth } from './answers.js';
import type { Keys } from './keys.js';
import { mapOf } from './reply.js';

export async function health(redis: Redis): Promise<RedisHealth> {
  const startedAt = performance.now();
  await redis.ping();
  const latencyMs = performance.now() - startedAt;
  const info = await redis.info();
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return { latencyMs, version: field('redis_version'), usedMemoryBytes: Number(field('used_memory')), maxMemoryBytes: Number(field('maxmemory')) };
}

/** How full Redis is. */
export async function memory(redis: Redis): Promise<Pick<RedisHealth, 'usedMemoryBytes' | 'maxMemoryBytes'>> {
  const info = await redis.info('memory');
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return { usedMemoryBytes: field('used_memory'), maxMemoryBytes: field('maxmemory') };
}

interface Setting {
  readonly name: string;
  readonly value: string;
  readonly because: string;
}

const SETTINGS: readonly Setting[] = [
  { name: 'maxmemory-policy', value: 'noeviction', because: 'Redis would throw runs away when its memory is full' },
  { name: 'appendonly', value: 'yes', because: 'a restart of Redis would forget runs' },
  { name: 'appendfsync', value: 'always', because: 'a power failure would forget the last second, and finished runs might run again' },
];

/** One sentence per setting that loses data, with the command that mends it. */
export async function settingsProblems(redis: Redis): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, value, because } of SETTINGS) {
    const actual = await settingOf(redis, name);
    if (actual === value) continue;
    const found = actual === undefined ? `Redis does not tell its ${name}` : `Redis has ${name} ${actual}`;
    problems.push(`${found}: ${because}. Fix: redis-cli CONFIG SET ${name} ${value}, and the same in its configuration file.`);
  }
  return problems;
}

async function settingOf(redis: Redis, name: string): Promise<string | undefined> {
  try {
    return mapOf(await redis.call('CONFIG', ['GET', name])).get(name);
  } catch (error) {
    // Managed servers forbid or rename CONFIG.
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

/** The id of this installation, made by whoever asks first. */
export async function installationId(redis: Redis, keys: Keys): Promise<string> {
  await redis.setnx(keys.installation, randomUUID());
  return (await redis.get(keys.installation)) ?? '';
}
