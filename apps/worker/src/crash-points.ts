// Where a worker of a fault test kills itself with SIGKILL, as a power cut would: in the middle of a step, without a word. Off otherwise.
import { readFileSync } from 'node:fs';
import type { Peek } from '@runyard/claude';

/**
 * K0 before anything of the process exists · K1 spawned, no model call · K2 first model call in flight · K3 tool asked for, not started ·
 * K4 effect of the tool done, its result not in the log · K5 after the result of a tool · K6 last model call · K7 result kept, finish not done ·
 * K8 finish done, ticket not completed.
 */
export const CRASH_POINTS = ['K0', 'K1', 'K2', 'K3', 'K4', 'K5', 'K6', 'K7', 'K8'] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What the lines of one attempt have said so far. */
interface Seen {
  readonly attempt: number;
  toolResults: number;
}

let armed: (() => string) | undefined;
const seen = new Map<string, Seen>();

/**
 * Arms what the setting says: `<point>:<run id>` separated by commas or line ends, for the first attempt, with a trailing `*` for every
 * attempt; or `@<path>` of a file with such lines, read anew at every point so that a test can name runs of a worker that is up.
 */
export function armCrashPoints(setting: string | undefined): void {
  seen.clear();
  if (setting === undefined) armed = undefined;
  else armed = setting.startsWith('@') ? () => contentOf(setting.slice(1)) : () => setting;
}

/** Kills this process if the point is armed for the run. Costs nothing where nothing is armed. */
export function crashPoint(point: CrashPoint, runId: string, attempt: number): void {
  if (armed !== undefined && isArmed(armed(), point, runId, attempt)) process.kill(process.pid, 'SIGKILL');
}

/** K2 to K6, which lines of the CLI decide: call it with each line before anything else is done with it. */
export function crashOnLine(line: Buffer, peek: Peek, runId: string, attempt: number): void {
  if (armed === undefined || peek.kind === 'garbage') return;
  for (const point of pointsOf(line, peek.type, seenOf(runId, attempt))) crashPoint(point, runId, attempt);
}

/** Which points a line reaches. Exported for its spec. */
export function pointsOf(line: Buffer, type: string, state: { toolResults: number }): CrashPoint[] {
  if (type === 'stream_event') {
    if (state.toolResults === 0) return ['K2'];
    return line.includes('"text_delta"') ? ['K5', 'K6'] : ['K5'];
  }
  if (type === 'control_request') return line.includes('"hook_callback"') ? ['K3'] : [];
  if (type !== 'user' || !line.includes('"tool_result"')) return [];
  state.toolResults += 1;
  return ['K4'];
}

function seenOf(runId: string, attempt: number): Seen {
  const known = seen.get(runId);
  if (known?.attempt === attempt) return known;
  const fresh = { attempt, toolResults: 0 };
  seen.set(runId, fresh);
  return fresh;
}

function isArmed(text: string, point: CrashPoint, runId: string, attempt: number): boolean {
  const wanted = `${point}:${runId}`;
  return text.split(/[\s,]+/).some((entry) => entry === `${wanted}*` || (entry === wanted && attempt === 1));
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // not written yet
  }
}
