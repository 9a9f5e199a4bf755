// What must be right before a worker takes its first run; each problem is one sentence with its fix.
import { prepareDataDir } from '@runyard/config';

/** Why the data directory cannot be used, or undefined. It is made when it is missing. */
export async function dataDirProblem(dataDir: string): Promise<string | undefined> {
  const code = await prepareDataDir(dataDir);
  return code === null ? undefined : `The data directory ${dataDir} cannot be written (${code}): make it writable for this user or set RUNYARD_DATA_DIR.`;
}

/** What an error of listen means for the person who started the worker. */
export function listenProblem(place: { host: string; port: number }, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = code === 'EADDRINUSE' ? 'the port is in use' : error instanceof Error ? error.message : String(error);
  return `Cannot listen on ${place.host}:${place.port}: ${reason}. Set RUNYARD_WORKER_PORT (0 takes any free one) or RUNYARD_WORKER_HOST.`;
}

/** The settings of Redis that would lose runs, as one text. What the server does not tell is only worth a warning. */
export function redisProblem(problems: readonly string[], warn: (problem: string) => void): string | undefined {
  const untold = problems.filter((problem) => problem.startsWith('Redis does not tell'));
  const known = problems.filter((problem) => !untold.includes(problem));
  for (const problem of untold) warn(problem);
  return known.length === 0 ? undefined : known.join('\n');
}
