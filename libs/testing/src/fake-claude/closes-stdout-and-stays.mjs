#!/usr/bin/env node
// Says its result, closes stdout and does not exit, whatever happens to its input.
import { closeSync } from 'node:fs';
import { listen, sayInit, sayResult, stayForEver } from './speaks-like-claude.mjs';

listen(() => {
  sayInit();
  sayResult();
  // Not end(): Node keeps descriptor 1 open for good.
  setImmediate(() => closeSync(1));
});
stayForEver();
