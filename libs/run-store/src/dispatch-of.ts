// Dispatches in the replies of scripts and as members of the outbox.
import type { Dispatch } from './answers.js';
import { listOf, numberOf, textOf } from './reply.js';

/** `{run id, number}` of a script, which answers nothing when there is none → Dispatch or null. */
export function dispatchOf(reply: unknown): Dispatch | null {
  if (reply === null || reply === undefined) return null;
  const [runId, dispatch] = listOf(reply);
  return { runId: textOf(runId), dispatch: numberOf(dispatch) };
}

/** `<run id>.<dispatch>` → Dispatch. */
export function dispatchOfMember(member: string): Dispatch {
  const dot = member.lastIndexOf('.');
  return { runId: member.slice(0, dot), dispatch: Number(member.slice(dot + 1)) };
}

export function memberOf({ runId, dispatch }: Dispatch): string {
  return `${runId}.${dispatch}`;
}
