// Where the CLI keeps the transcript of a session, and how it is carried from one machine's config directory to another's.
import { copyFile, cp, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { repairTranscript } from './transcript-repair.js';

export interface TranscriptPlace {
  /** CLAUDE_CONFIG_DIR of the process. */
  readonly configDir: string;
  /** The working directory of the process. */
  readonly cwd: string;
  /** What the CLI calls the session id. */
  readonly sessionUuid: string;
}

const MAX_NAME = 200;

/**
 * The CLI's name for the folder of a working directory: its absolute path without symbolic links, with everything that is no
 * ASCII letter or digit replaced by `-`; a long one is cut and given a hash (read in the binary, 2.1.330, and compared with
 * what it writes).
 */
export function encodeProjectDir(cwd: string): string {
  const name = cwd.replaceAll(/[^a-zA-Z0-9]/g, '-');
  if (name.length <= MAX_NAME) return name;
  let hash = 0;
  for (let index = 0; index < cwd.length; index += 1) hash = (Math.imul(hash, 31) + cwd.charCodeAt(index)) | 0;
  return `${name.slice(0, MAX_NAME)}-${Math.abs(hash).toString(36)}`;
}

/**
 * Copies the transcript of a session, and the folder of large tool results beside it, into `to`: `<uuid>.jsonl`, `<uuid>/`.
 * Whoever reads `to` meanwhile sees the old transcript or the new one, never a half.
 * The CLI goes on writing to the folder in which it found the session, so all project folders are searched.
 * @returns false when the process left no transcript
 */
export async function saveTranscript(place: Omit<TranscriptPlace, 'cwd'>, to: string): Promise<boolean> {
  const project = await findProject(place);
  if (project === undefined) return false;
  await mkdir(to, { recursive: true, mode: 0o700 });
  // The folder first: the transcript refers to it.
  await replaceDirectory(join(project, place.sessionUuid), join(to, place.sessionUuid));
  await replaceFile(join(project, transcriptName(place)), join(to, transcriptName(place)));
  return true;
}

/**
 * Puts a saved transcript where a process with this config and working directory finds it with `--resume`; a line that a
 * killed process left half written is dropped from the copy.
 * @returns false when `from` holds no transcript of the session
 */
export async function restoreTranscript(from: string, place: TranscriptPlace): Promise<boolean> {
  const saved = join(from, transcriptName(place));
  if (!(await exists(saved))) return false;
  const project = join(place.configDir, 'projects', encodeProjectDir(await realpath(place.cwd)));
  await mkdir(project, { recursive: true, mode: 0o700 });
  await replaceDirectory(join(from, place.sessionUuid), join(project, place.sessionUuid));
  const target = join(project, transcriptName(place));
  await replaceFile(saved, target);
  await repairTranscript(target);
  return true;
}

async function findProject({ configDir, sessionUuid }: Omit<TranscriptPlace, 'cwd'>): Promise<string | undefined> {
  const projects = join(configDir, 'projects');
  const names = await readdir(projects).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const state = await stat(join(projects, name, `${sessionUuid}.jsonl`)).catch(() => undefined);
      return state === undefined ? [] : [{ path: join(projects, name), changedAt: state.mtimeMs }];
    }),
  );
  return found.flat().toSorted((left, right) => right.changedAt - left.changedAt)[0]?.path;
}

async function replaceFile(from: string, to: string): Promise<void> {
  const draft = `${to}.${randomUUID()}.tmp`;
  try {
    await copyFile(from, draft);
    await sync(draft);
    await rename(draft, to);
    await sync(dirname(to));
  } finally {
    await rm(draft, { force: true });
  }
}

/** A folder cannot be swapped in one step; the transcript of the moment before may lack a tool result for an instant. */
async function replaceDirectory(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  const draft = `${to}.${randomUUID()}.tmp`;
  try {
    await cp(from, draft, { recursive: true });
    for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() || entry.isDirectory()) await sync(join(entry.parentPath, entry.name));
    }
    await sync(draft);
    await rm(to, { recursive: true, force: true });
    await rename(draft, to);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A file, or the names in a directory. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function transcriptName({ sessionUuid }: { readonly sessionUuid: string }): string {
  return `${sessionUuid}.jsonl`;
}
