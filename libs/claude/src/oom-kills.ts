// How many processes the kernel has ended here for want of memory.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const COUNT = /^oom_kill (\d+)$/m;

/**
 * The count of the control group that this process is in, its subgroups included; it only grows. Ask when claude is started and when
 * it has ended: the difference is `oomKills`. Undefined where there is no such count (no Linux, or one that does not show it).
 */
export async function oomKillCount(root = '/sys/fs/cgroup', membership = '/proc/self/cgroup'): Promise<number | undefined> {
  const groups = await readFile(membership, 'utf8').catch(() => '');
  for (const path of counters(root, groups)) {
    const count = COUNT.exec(await readFile(path, 'utf8').catch(() => ''))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** Version 2 first. Inside a container the path of the host may not exist below the root: there the root is the group itself. */
function counters(root: string, groups: string): string[] {
  const lines = groups.split('\n').map((line) => line.split(':'));
  const unified = lines.find(([id, controllers]) => id === '0' && controllers === '')?.[2];
  const memory = lines.find(([, controllers]) => controllers?.split(',').includes('memory'))?.[2];
  return [
    ...(unified === undefined ? [] : [join(root, unified, 'memory.events'), join(root, 'memory.events')]),
    ...(memory === undefined ? [] : [join(root, 'memory', memory, 'memory.oom_control'), join(root, 'memory', 'memory.oom_control')]),
  ];
}
