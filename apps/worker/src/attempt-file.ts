// What a worker writes down about an attempt beside the run's log: it outlives a Redis that lost its last second.
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NotedTool } from '@runyard/claude';
import type { Outcome } from '@runyard/domain';
import { syncDirectories } from '@runyard/run-store';
import type { Lease } from '@runyard/run-store';

/** A process is about to be started. */
export interface Starting {
  readonly note: 'starting';
  readonly workerId: string;
  readonly mode: 'start' | 'restart' | 'resume';
  /** What its session had cost by then. */
  readonly costBeforeUsd: number;
}

/** One line of the file. */
export type AttemptNote =
  | Starting
  /** A tool that may change something is about to be let go; its request is in the log. */
  | ({ readonly note: 'tool' } & NotedTool)
  /** Nothing of the process is left. `sessionCostUsd`: what its session had cost by then, when the transcript says so. */
  | { readonly note: 'ended'; readonly sessionCostUsd?: number }
  /** The run came to its end, whether or not the store heard of it. */
  | { readonly note: 'outcome'; readonly outcome: Outcome };

/** What is known of one attempt. */
export interface AttemptNotes {
  readonly attempt: number;
  /** Undefined when nothing was written before the worker died: no process was started. */
  readonly starting: Starting | undefined;
  /** Tools that may change something and were let go, in order. None in files of versions that did not note them. */
  readonly tools: readonly NotedTool[];
  readonly ended: Extract<AttemptNote, { note: 'ended' }> | undefined;
  readonly outcome: Outcome | undefined;
}

const NAME = /^attempt-([1-9]\d*)\.ndjson$/;

/** The directory of a run below the data directory. */
export function runDirectory(dataDir: string, runId: string): string {
  return join(dataDir, 'runs', runId);
}

/** Where the CLI of an attempt writes its transcript. */
export function attemptProjects(dataDir: string, runId: string, attempt: number): string {
  return join(runDirectory(dataDir, runId), `attempt-${attempt}`, 'projects');
}

/** The file of one attempt, open for its notes. */
export class AttemptFile {
  #lastWrite: Promise<unknown> = Promise.resolve();
  #isTorn = false;

  private constructor(private readonly file: FileHandle) {}

  /**
   * Makes the file and notes that a process is about to be started; both are on the disk when it returns, and so are the names of all
   * directories in between: somebody else may have made them a moment ago. When it throws, there is no file.
   * @returns undefined when the attempt has a file already: Redis forgot that it was claimed before
   * @throws what the file system throws, such as ENOSPC
   */
  static async create(dataDir: string, attempt: Lease, start: Omit<Starting, 'note' | 'workerId'>): Promise<AttemptFile | undefined> {
    const path = join(runDirectory(dataDir, attempt.runId), `attempt-${attempt.attempt}.ndjson`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'ax', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (file === undefined) return undefined;
    const created = new AttemptFile(file);
    try {
      await created.note({ note: 'starting', workerId: attempt.workerId, ...start });
      await syncDirectories(dirname(path), dataDir);
      return created;
    } catch (error) {
      // Left behind it would say that a process was started.
      await rm(path, { force: true }).catch(() => undefined);
      await created.close().catch(() => undefined);
      throw error;
    }
  }

  /** Adds a line; it is on the disk when the promise resolves. */
  async note(note: AttemptNote): Promise<void> {
    await this.#append(note);
    await this.file.sync();
  }

  /**
   * Adds the line of a tool; the kernel has it when the promise resolves, so it outlives this process. It is not synced: every tool would
   * wait for the disk, and the line is for a Redis that loses writes while this machine goes on. A machine that loses its power with
   * what it had not written yet is another matter: its lines are missed only if Redis loses the log in the same moment.
   * @throws what the file system throws, such as ENOSPC: then the file does not name the tool
   */
  async noteTool({ id, name }: NotedTool): Promise<void> {
    await this.#append({ note: 'tool', id, name });
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** One after the other, because a line may take more than one write. */
  #append(note: AttemptNote): Promise<void> {
    const written = this.#lastWrite.then(() => this.#write(note));
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  /** A line that a full disk has cut off must not spoil the next one. */
  async #write(note: AttemptNote): Promise<void> {
    const line = `${this.#isTorn ? '\n' : ''}${JSON.stringify(note)}\n`;
    this.#isTorn = true;
    await this.file.appendFile(line);
    this.#isTorn = false;
  }
}

/** What all workers wrote down about a run, by attempt. Empty when the data directory knows nothing of it. @throws what the file system throws: not to know is not to know of nothing */
export async function readAttempts(dataDir: string, runId: string): Promise<AttemptNotes[]> {
  const directory = runDirectory(dataDir, runId);
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  return Promise.all(
    numbers.toSorted((a, b) => a - b).map(async (attempt) => notesOf(attempt, await readFile(join(directory, `attempt-${attempt}.ndjson`), 'utf8'))),
  );
}

function notesOf(attempt: number, text: string): AttemptNotes {
  const notes = text.split('\n').flatMap(parse);
  const find = <Kind extends AttemptNote['note']>(kind: Kind) => notes.find((note): note is Extract<AttemptNote, { note: Kind }> => note.note === kind);
  const tools = notes.flatMap((note) => (note.note === 'tool' ? [{ id: note.id, name: note.name }] : []));
  return { attempt, starting: find('starting'), tools, ended: find('ended'), outcome: find('outcome')?.outcome };
}

/** A line that a killed worker left half written says nothing. */
function parse(line: string): AttemptNote[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as AttemptNote];
  } catch {
    return [];
  }
}
