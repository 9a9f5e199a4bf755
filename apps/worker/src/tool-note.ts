// Writes a tool down before it is let go: should Redis lose the log's last seconds, the attempt file still says that it may have run.
import type { HookCallback } from '@runyard/claude';
import type { ActiveRun } from './active-runs.js';
import type { AttemptFile } from './attempt-file.js';
import { failureCodeOf } from './disk-full.js';
import type { SecretRedactor } from './secret-redactor.js';
import type { WorkerParts } from './worker-parts.js';

export interface ToolNotes {
  readonly notes: Pick<AttemptFile, 'noteTool'>;
  /** The file names the tool as the log does. */
  readonly redactor: Pick<SecretRedactor, 'text'>;
}

/** True when the tool may go: it is noted, and the lease is still held after that. A note that cannot be written ends the run. */
export async function noteTool({ toolUseId, toolName }: HookCallback, { notes, redactor }: ToolNotes, { run, orders, isHeld }: Pick<ActiveRun, 'run' | 'orders' | 'isHeld'>, { log }: Pick<WorkerParts, 'log'>): Promise<boolean> {
  try {
    await notes.noteTool({ id: redactor.text(toolUseId), name: redactor.text(toolName) });
  } catch (error) {
    log.error({ run_id: run.id, err: error }, 'a tool was not written down, so it does not start');
    orders.order(failureCodeOf(error), `${redactor.text(toolName)} could not be written down before its start: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
  // The disk may have taken its time.
  return isHeld();
}
