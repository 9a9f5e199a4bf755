#!/usr/bin/env node
// Starts a turn and dies by SIGKILL, as when memory runs out.
import { listen, sayInit } from './speaks-like-claude.mjs';

listen(() => {
  sayInit();
  setImmediate(() => process.kill(process.pid, 'SIGKILL'));
});
