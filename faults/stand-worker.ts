// A worker of a stand: one process after the other, as a supervisor would have it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestDemoModel } from '@runyard/testing';
import type { ModelCall } from './evidence.ts';
import { start } from './process.ts';
import type { LogEntry, Started } from './process.ts';

const WORKER = fileURLToPath(new URL('../apps/worker/dist/main.js', import.meta.url));

export class StandWorker {
  readonly #env: Readonly<Record<string, string>>;
  readonly #restarts: boolean;
  readonly #model: TestDemoModel | undefined;
  readonly #all: Started[] = [];
  readonly #killed = new Set<string>();
  #current: Started;
  #closing = false;

  constructor(env: Readonly<Record<string, string>>, restarts: boolean, model?: TestDemoModel) {
    this.#env = env;
    this.#restarts = restarts;
    this.#model = model;
    this.#current = this.#start();
  }

  /** How often it was started. */
  get starts(): number {
    return this.#all.length;
  }

  get pid(): number {
    return this.#current.pid;
  }

  get log(): readonly LogEntry[] {
    return this.#all.flatMap((one) => one.log);
  }

  async ready(): Promise<void> {
    await this.#current.logged('worker ready');
  }

  hasId(id: string): boolean {
    return this.log.some((entry) => entry['worker_id'] === id);
  }

  signal(name: NodeJS.Signals): void {
    this.#current.signal(name);
  }

  hasExited(): boolean {
    return this.#current.hasExited();
  }

  async exited(): Promise<void> {
    await this.#current.exited;
  }

  /** SIGKILL; with `restarts` another process takes its place. */
  async kill(): Promise<void> {
    for (const entry of this.#current.log) if (typeof entry['worker_id'] === 'string') this.#killed.add(entry['worker_id']);
    await this.#current.kill();
  }

  /** Ids of its processes that got a SIGKILL from here. */
  get killed(): ReadonlySet<string> {
    return this.#killed;
  }

  /** Starts it again after its end. */
  async startAgain(): Promise<void> {
    this.#current = this.#start();
    await this.ready();
  }

  /** Ids of its children that run the warden. */
  async wardens(): Promise<number[]> {
    const children = (await readFile(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
    const commands = await Promise.all(children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    return children.filter((_, index) => commands[index]?.includes('warden/main.js'));
  }

  /** What its own model was asked for a session. */
  async calls(sessionUuid: string, workerId: string): Promise<ModelCall[]> {
    if (this.#model === undefined) return [];
    const { data } = (await this.#model.requests()) as { readonly data: readonly { readonly path: string; readonly at: string; readonly session_id: string | null; readonly scenario: string | null }[] };
    const mine = data.filter((call) => call.path === '/v1/messages' && call.session_id === sessionUuid && call.scenario !== 'side');
    return mine.map((call) => ({ workerId, sessionUuid, atMs: Date.parse(call.at) }));
  }

  /** Ends it for good: at once, its warden clears up. */
  async stop(): Promise<void> {
    this.#closing = true;
    this.#current.signal('SIGCONT');
    await this.#current.kill();
    await this.#model?.stop();
  }

  #start(): Started {
    const started = start(WORKER, this.#env);
    this.#all.push(started);
    if (this.#restarts) void this.#restart(started);
    return started;
  }

  async #restart(ended: Started): Promise<void> {
    await ended.exited;
    if (!this.#closing && this.#current === ended) this.#current = this.#start();
  }
}
