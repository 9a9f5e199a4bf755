// A worker whose machine could not do what a run needs takes no more runs until it can again.
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthCheck } from '@runyard/telemetry';
import type { Warden } from './warden/warden.js';

export interface MachineGuardOptions {
  /** The warden of now, as soon as there is one. */
  readonly warden: () => Pick<Warden, 'answers'>;
  /** What must be writable: names for people → directories. */
  readonly places: Readonly<Record<string, string>>;
  /** Default 1 s. */
  readonly lookEveryMs?: number;
}

export interface MachineChanges {
  /** It rests from now on. @param problem for people */
  readonly onTrouble: (problem: string) => void;
  readonly onOver: () => void;
}

const EVERY_MS = 1000;
/** A file system that is away lets its callers wait for ever. */
const PATIENCE_MS = 5000;
/** More than a file system keeps in the directory itself. */
const PROBE = Buffer.alloc(16 * 1024);

/** Looks only after trouble: what can be done without a run says little about the next one. */
export class MachineGuard {
  readonly #options: MachineGuardOptions;
  #changes: MachineChanges | undefined;
  /** Why it rests. */
  #why = '';
  #resting: NodeJS.Timeout | undefined;
  #looking: Promise<string | undefined> | undefined;
  /** What has not come back yet: a directory that hangs takes one thread and not one more with each look. */
  readonly #probing = new Map<string, Promise<string | undefined>>();

  constructor(options: MachineGuardOptions) {
    this.#options = options;
  }

  /** Tells of changes. One watcher at a time; the answer ends it and all looks. */
  watch(changes: MachineChanges): () => void {
    this.#changes = changes;
    if (this.#resting !== undefined) changes.onTrouble(this.#why);
    return () => {
      clearInterval(this.#resting);
      this.#changes = undefined;
    };
  }

  /** No runs from now on, until a look a second later or any after it finds nothing wrong. Answers what a look finds now. */
  async rest(why: string): Promise<string | undefined> {
    this.#why = why;
    if (this.#resting === undefined) {
      this.#resting = setInterval(() => void this.#lookAgain(), this.#options.lookEveryMs ?? EVERY_MS).unref();
      this.#changes?.onTrouble(why);
    }
    return this.#look();
  }

  /** For /readyz. */
  check(): HealthCheck {
    return this.#resting === undefined ? { ok: true, detail: 'nothing is known against it' } : { ok: false, detail: `no runs are taken: ${this.#why}` };
  }

  async #lookAgain(): Promise<void> {
    if (this.#looking !== undefined) return;
    const problem = await this.#look();
    this.#why = problem ?? this.#why;
    if (problem !== undefined) return;
    clearInterval(this.#resting);
    this.#resting = undefined;
    this.#changes?.onOver();
  }

  #look(): Promise<string | undefined> {
    this.#looking ??= this.#problem().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #problem(): Promise<string | undefined> {
    const { warden, places } = this.#options;
    const found = await Promise.all(
      Object.entries(places).map(async ([name, directory]) => {
        const why = await Promise.race([this.#probe(directory), sleep(PATIENCE_MS, `nothing happened for ${PATIENCE_MS} ms`, { ref: false })]);
        return why === undefined ? undefined : `the ${name} cannot be written: ${why}`;
      }),
    );
    return warden().answers ? found.find((problem) => problem !== undefined) : 'the warden does not answer';
  }

  #probe(directory: string): Promise<string | undefined> {
    const probing = this.#probing.get(directory) ?? whyNotWritable(directory).finally(() => this.#probing.delete(directory));
    this.#probing.set(directory, probing);
    return probing;
  }
}

async function whyNotWritable(directory: string): Promise<string | undefined> {
  const probe = join(directory, `runyard-probe-${randomUUID()}`);
  try {
    await writeFile(probe, PROBE, { flag: 'wx', mode: 0o600 });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}
