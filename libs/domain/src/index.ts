// The nouns of Runyard: schemas, states, errors, ids, pure rules.
export * from './create-run.js';
export * from './event-list.js';
export * from './events.js';
export * from './failure-codes.js';
export * from './fleet.js';
export * from './ids.js';
export * from './limits.js';
export * from './problems.js';
export * from './run-state.js';
export * from './run.js';
export * from './workspace-request.js';
export * from './schedule-slots.js';
export * from './schedule.js';
export * from './environment.js';
export * from './mcp-servers.js';
export * from './secret-literals.js';
export * from './secret-reference.js';
