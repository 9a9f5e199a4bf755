// What the warden needs of this part, and nothing that loads more than Node has: a second process stands beside each worker and must be small.
export { startedAtNow } from './process-table.js';
export { sweep } from './process-tree.js';
export { TreeWatch } from './tree-watch.js';
