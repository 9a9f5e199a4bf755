// Where the socket of a private server goes: inside its directory, or in a short one when the path would be too long.
import { createHash } from 'node:crypto';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { LocalRedisError } from './local-redis-error.js';

// sun_path holds 108 bytes on Linux and 104 on macOS, with the final zero; Redis' own limit lies between.
const LONGEST_SOCKET_PATH_BYTES = 100;

/** The socket path for the server of `dir`, always the same for one directory. Its directory is private to this user. */
export async function socketPathFor(dir: string): Promise<string> {
  const inside = join(dir, 'redis.sock');
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH_BYTES) return inside;
  const name = `runyard-${createHash('sha256').update(await realpath(dir)).digest('hex').slice(0, 16)}`;
  const parent = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
  const short = join(parent, name);
  await makePrivateDirectory(short);
  return join(short, 'redis.sock');
}

/** Makes `path` with mode 0700, or checks that it is this user's own directory that nobody else may enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  const own = found.isDirectory() && (userInfo().uid === -1 || found.uid === userInfo().uid);
  if (!own || (found.mode & 0o077) !== 0) {
    throw new LocalRedisError('bad_directory', `${path} must be a directory of this user with mode 0700 (chmod 700 ${path})`);
  }
}
