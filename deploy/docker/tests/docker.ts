// The engine of this machine, asked through the docker command.
import { hostEnvironment } from '@runyard/config';
import { runCommand } from './command.js';

const PASSED_ON = /^(PATH|HOME|DOCKER_.*|BUILDX_.*|.*_PROXY|.*_proxy)$/;

/** The environment of docker commands: nothing that compose could take for a setting. */
export function dockerEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(hostEnvironment()).filter(([name]) => PASSED_ON.test(name)));
}

/** Runs `docker <args>` and returns what it printed, trimmed. Throws unless it succeeds. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await runCommand(['docker', ...args], { env: dockerEnvironment() });
  return stdout.toString('utf8').trim();
}

interface Health {
  readonly Status: string;
  /** The latest probes, the last one at the end. */
  readonly Log: readonly { readonly End: string; readonly ExitCode: number }[] | null;
}

/** What the tests look at in `docker inspect`. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: { readonly Pid: number; readonly Status: string; readonly StartedAt: string; readonly FinishedAt: string; readonly Health?: Health };
  readonly Config: { readonly User: string; readonly Env: readonly string[]; readonly Entrypoint: readonly string[] | null; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly Privileged: boolean;
    readonly Init: boolean | null;
    readonly CapDrop: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly RestartPolicy: { readonly Name: string };
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> };
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[]>> | null;
    readonly Binds: readonly string[] | null;
  };
}

/** Looks at one container. */
export async function inspect(id: string): Promise<Container> {
  const [container] = JSON.parse(await docker('inspect', '--type', 'container', id)) as Container[];
  if (container === undefined) throw new Error(`no container ${id}`);
  return container;
}

/** A shell among the processes of the engine's machine: it needs no root on this one. */
export async function onEngineHost(image: string, script: string): Promise<string> {
  return docker('run', '--rm', '--pid=host', '--network=none', '--user=0', '--entrypoint=sh', image, '-c', script);
}
