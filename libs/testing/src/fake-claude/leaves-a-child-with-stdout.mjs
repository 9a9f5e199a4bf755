#!/usr/bin/env node
// Says its result and exits, while a child in a session of its own keeps stdout open.
import { spawn } from 'node:child_process';
import { listen, sayInit, sayResult } from './speaks-like-claude.mjs';

listen(() => {
  spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000000)'], { stdio: ['ignore', 'inherit', 'inherit'], detached: true }).unref();
  sayInit();
  sayResult();
});
