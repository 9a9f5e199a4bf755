// Ends one claude process and everything that it has started: politely first, surely in the end.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaudeProcess } from './claude-process.js';
import type { ProcessEntry } from './process-table.js';
import { findRunProcesses, sweep } from './process-tree.js';
import type { SweepResult } from './process-tree.js';

export type StopStep = 'interrupt' | 'terminate' | 'kill';

export interface StopOptions {
  readonly mark: string;
  /** From the interrupt to SIGTERM. Default 1 s. 0 leaves the interrupt out. */
  readonly interruptMs?: number;
  /** From SIGTERM to SIGKILL. Default 3 s: the CLI needs up to 1.7 s to end its Bash children (measured, 2.1.330). */
  readonly terminateMs?: number;
}

export interface StopReport {
  /** What had to be done, in order; empty when the process was gone already. */
  readonly steps: readonly StopStep[];
  readonly swept: SweepResult;
}

const INTERRUPT_MS = 1_000;
const TERMINATE_MS = 3_000;

/**
 * Interrupt over stdin and end of input, SIGTERM, SIGKILL for the whole tree, sweep. An interrupt and a
 * SIGTERM let the CLI end its Bash commands and write its transcript; SIGKILL orphans them, so the tree is noted before.
 * Resolves when a scan finds no process of the run, or the sweep gave up. The rest of the output comes through `exited`.
 */
export async function stopClaude(claude: ClaudeProcess, options: StopOptions): Promise<StopReport> {
  const { mark, interruptMs = INTERRUPT_MS, terminateMs = TERMINATE_MS } = options;
  const steps: StopStep[] = [];
  const known: ProcessEntry[] = [];
  const root = claude.pid === undefined ? {} : { rootPid: claude.pid };
  const note = async () => void known.push(...(await findRunProcesses(mark, { ...root, known })));

  if (claude.running && interruptMs > 0) {
    steps.push('interrupt');
    await within(interruptMs, claude.ended, [note(), interruptAndClose(claude, interruptMs)]);
  }
  if (claude.running) {
    steps.push('terminate');
    await note();
    claude.kill('SIGTERM');
    await within(terminateMs, claude.ended, []);
  }
  if (claude.running) {
    steps.push('kill');
    await note();
    claude.kill('SIGKILL');
  }
  return { steps, swept: await sweep(mark, { ...root, known }) };
}

async function interruptAndClose(claude: ClaudeProcess, timeoutMs: number): Promise<void> {
  await claude.interrupt(timeoutMs);
  claude.closeInput();
}

/** Waits for the end of the process or of the time; the errors of what goes on meanwhile are not lost. */
async function within(timeMs: number, ended: Promise<unknown>, meanwhile: readonly Promise<unknown>[]): Promise<void> {
  const timer = new AbortController();
  const time = sleep(timeMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([ended, time]);
  timer.abort();
  await Promise.all(meanwhile);
}
