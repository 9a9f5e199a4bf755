#!/usr/bin/env node
// Prints 200,000 lines as fast as its reader takes them, then its result.
import { once } from 'node:events';
import { listen, sayInit, sayResult } from './speaks-like-claude.mjs';

const LINE = `${JSON.stringify({ type: 'stream_event', event: { type: 'ping' }, padding: 'x'.repeat(200) })}\n`;

listen(async () => {
  sayInit();
  for (let count = 0; count < 200_000; count += 1) {
    if (!process.stdout.write(LINE)) await once(process.stdout, 'drain');
  }
  sayResult();
});
