// The mark by which every process of a run is found again, whoever its parent is by then.

/** Set in the environment of the CLI, inherited by everything that it starts. */
export const RUN_MARK_ENV = 'RUNYARD_RUN_MARK';
