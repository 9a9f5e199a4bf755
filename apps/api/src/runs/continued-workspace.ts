// Where a session that goes on works: where it worked last.
import type { CreateRun, WorkspaceRequest } from '@runyard/domain';
import type { RunStore } from '@runyard/run-store';

/** The workspace of the session's newest run; undefined when the request begins a new session or nothing is known of it. */
export async function continuedWorkspace(request: CreateRun, store: RunStore): Promise<WorkspaceRequest | undefined> {
  if (request.session_id === undefined) return undefined;
  const { runs } = await store.list({ sessionId: request.session_id, limit: 1 });
  return runs[0]?.request.workspace;
}
