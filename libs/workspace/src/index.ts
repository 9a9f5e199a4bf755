// The directory a run works in: scratch, or an existing one below the allowed roots.
export { isBelow } from './is-below.js';
export { prepareWorkspace } from './prepare-workspace.js';
export type { ReadyWorkspace, WorkspaceFailure, WorkspacePlaces } from './prepare-workspace.js';
