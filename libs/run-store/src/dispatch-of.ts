// Dispatches in the replies of scripts and as members of the outbox.
import type { Dispatch } from './answers.js';
import { listOf, numberOf, textOf } from './reply.js';

/** `{run id, number}` of a script, which answers nothing when there is none → Dispatch or null. */
export function dispatchOf(reply: unknown): Dispatch | null {
  if (reply === null || reply === undefined) return null;
  const [runId, dispatch, priority] = listOf(reply);
  return dispatchWith(textOf(runId), numberOf(dispatch), numberOf(priority ?? 0));
}

/** `<run id>.<dispatch>` → Dispatch. */
export function dispatchOfMember(member: string, priority: number): Dispatch {
  const dot = member.lastIndexOf('.');
  return dispatchWith(member.slice(0, dot), Number(member.slice(dot + 1)), priority);
}

/** Priority 0 is left out: it is what everything has unless somebody asked. */
function dispatchWith(runId: string, dispatch: number, priority: number): Dispatch {
  return priority === 0 ? { runId, dispatch } : { runId, dispatch, priority };
}

export function memberOf({ runId, dispatch }: Dispatch): string {
  return `${runId}.${dispatch}`;
}
