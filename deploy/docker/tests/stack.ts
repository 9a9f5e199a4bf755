// One installation by docker compose under a name of its own; close() removes it with everything in it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '@runyard/api-client';
import { freePort, temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { inject } from 'vitest';
import { tryCommand } from './command.js';
import type { CommandResult } from './command.js';
import { docker, dockerEnvironment, inspect, onEngineHost } from './docker.js';
import type { Container } from './docker.js';

export const COMPOSE_FILE = fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url));

/** What deniedByRedis answers when everybody stayed within their rights. */
export const NOTHING_DENIED = ['acl_access_denied_cmd:0', 'acl_access_denied_key:0', 'acl_access_denied_channel:0'];

export type Settings = Readonly<Record<string, string>>;

export class Stack {
  /** What a user would write into .env; may be changed between two calls of up. */
  settings: Settings;
  readonly project: string;
  readonly url: string;
  readonly #port: number;
  readonly #directory: TemporaryDirectory;
  /** Further compose files, after the real one. */
  readonly #files: string[] = [];

  private constructor(project: string, port: number, directory: TemporaryDirectory, settings: Settings) {
    this.project = project;
    this.url = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#directory = directory;
    this.settings = settings;
  }

  /** Starts nothing yet. `name` is short and unique among the test files. */
  static async prepare(name: string, settings: Settings = {}): Promise<Stack> {
    return new Stack(`${inject('testRun')}-${name}`, await freePort(), await temporaryDirectory(), settings);
  }

  /** A prepared stack after `up`. */
  static async start(name: string, settings: Settings = {}): Promise<Stack> {
    const stack = await Stack.prepare(name, settings);
    try {
      await stack.up();
      return stack;
    } catch (error) {
      await stack.close();
      throw error;
    }
  }

  /** `docker compose <args>` in this project, whatever the exit code is. */
  async tryCompose(args: readonly string[], input?: Buffer): Promise<CommandResult> {
    // In the environment, where they win over an .env of the checkout; its file is left aside altogether.
    const env = { ...dockerEnvironment(), RUNYARD_TAG: inject('testRun'), RUNYARD_PORT: String(this.#port), ...this.settings };
    const files = [COMPOSE_FILE, ...this.#files].flatMap((file) => ['-f', file]);
    const words = ['docker', 'compose', '--ansi', 'never', '--progress', 'quiet', '-p', this.project, '--env-file', '/dev/null', ...files, ...args];
    return tryCommand(words, { env, ...(input === undefined ? {} : { input }) });
  }

  /** The same; throws unless it succeeds. Returns standard output. */
  async compose(...args: readonly string[]): Promise<string> {
    const result = await this.tryCompose(args);
    if (result.code !== 0) throw new Error(`compose ${args.join(' ')} ended with ${result.code}:\n${result.text}`);
    return result.stdout.toString('utf8');
  }

  /** Starts what is not running or has changed, and waits until all of it is healthy. */
  async up(...args: readonly string[]): Promise<void> {
    const result = await this.tryCompose(['up', '-d', '--wait', '--no-build', ...args]);
    if (result.code !== 0) throw new Error(`compose up ended with ${result.code}:\n${result.text}\n${await this.logs()}`);
  }

  /** Lays another compose file over the real one. */
  async override(file: object): Promise<void> {
    const path = join(this.#directory.path, `override-${this.#files.length}.json`);
    await writeFile(path, JSON.stringify(file));
    this.#files.push(path);
  }

  /** A client with the key that the first start made. */
  async client({ patienceMs = 60_000 } = {}): Promise<ApiClient> {
    const key = (await this.compose('exec', '-T', 'api', 'runyard', 'key')).trim();
    return new ApiClient({ url: this.url, key, patienceMs });
  }

  /** Runs a shell script in a container of the service and returns what it prints, trimmed. Throws unless it succeeds. */
  async shell(service: string, script: string): Promise<string> {
    return (await this.compose('exec', '-T', service, 'sh', '-euc', script)).trim();
  }

  /** The containers of a service, or of all. */
  async containers(service?: string): Promise<Container[]> {
    const ids = await this.compose('ps', '-aq', ...(service === undefined ? [] : [service]));
    return Promise.all(ids.split('\n').filter((id) => id !== '').map(inspect));
  }

  /** The only container of a service. */
  async container(service: string): Promise<Container> {
    const [container, ...more] = await this.containers(service);
    if (container === undefined || more.length > 0) throw new Error(`${service} has not exactly one container`);
    return container;
  }

  async logs(service?: string): Promise<string> {
    return (await this.tryCompose(['logs', '--no-color', '--tail', '200', ...(service === undefined ? [] : [service])])).text;
  }

  /** Ends the first process of a container from outside, as the kernel would; waits until the engine has started it again. */
  async killProcess(service: string): Promise<void> {
    const before = await this.container(service);
    await this.onEngineHost(`kill -9 ${before.State.Pid}`);
    await waitFor(async () => {
      const { State, RestartCount } = await inspect(before.Id);
      return RestartCount === before.RestartCount + 1 && State.Health?.Status === 'healthy';
    }, { what: `${service} to be started again`, timeoutMs: 60_000 });
  }

  /** How long the only container of a service was away when it was started again, in milliseconds: from its end to the first good probe. */
  async awayMs(service: string): Promise<number> {
    const { Id } = await this.container(service);
    return waitFor(async () => {
      const { State } = await inspect(Id);
      const since = Date.parse(State.StartedAt);
      const good = State.Health?.Log?.find(({ End, ExitCode }) => ExitCode === 0 && Date.parse(End) > since);
      return good && Date.parse(good.End) - Date.parse(State.FinishedAt);
    }, { what: `${service} to be healthy`, timeoutMs: 60_000 });
  }

  /** Processes of the engine's machine, in any container, whose command line holds the text: number and command line. */
  async processesWith(text: string): Promise<string[]> {
    const script = `for f in /proc/[0-9]*/cmdline; do echo "$f $(tr '\\0\\n' '  ' <$f 2>/dev/null | head -c 4000)"; done`;
    return (await this.onEngineHost(script)).split('\n').filter((line) => line.includes(text));
  }

  /** Asks Redis as the user of one role; the lines of its answers. */
  async asRedisUser(role: 'api' | 'worker', ...commands: readonly string[]): Promise<string[]> {
    // MONITOR and SUBSCRIBE would not end if they were allowed.
    const words = ['timeout', '20', 'redis-cli', '--no-auth-warning', '--user', role, '--pass', await this.redisPassword(role)];
    const { text } = await this.tryCompose(['exec', '-T', 'redis', ...words], Buffer.from(commands.join('\n')));
    return text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  }

  redisPassword(role: 'api' | 'worker'): Promise<string> {
    return this.shell(role, `sed 's|.*:\\(.*\\)@.*|\\1|' /run/runyard/redis.url`);
  }

  /** What Redis has refused since its last start because a role may not do it: commands, keys, channels. */
  async deniedByRedis(): Promise<string[]> {
    return (await this.asRedisUser('api', 'INFO stats')).filter((line) => /^acl_access_denied_(cmd|key|channel):/.test(line));
  }

  /**
   * Takes the only container of a service off the network on which Redis is, does something, and puts it back as compose had it.
   * Returns how long it was off at most, in milliseconds.
   */
  async withoutNetwork(service: string, work: () => Promise<void>): Promise<number> {
    const { Id } = await this.container(service);
    const network = `${this.project}_backend`;
    const since = performance.now();
    await docker('network', 'disconnect', '-f', network, Id);
    try {
      await work();
    } finally {
      await docker('network', 'connect', '--alias', service, network, Id);
    }
    return performance.now() - since;
  }

  /** Removes containers, networks and volumes. */
  async close(): Promise<void> {
    const result = await this.tryCompose(['--profile', 'backup', 'down', '-v', '--remove-orphans', '-t', '5']);
    await this.#directory.remove();
    if (result.code !== 0) throw new Error(`compose down ended with ${result.code}:\n${result.text}`);
  }

  onEngineHost(script: string): Promise<string> {
    return onEngineHost(`runyard-api:${inject('testRun')}`, script);
  }
}
