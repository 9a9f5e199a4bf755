#!/usr/bin/env node
// Prints messages as fast as its reader takes them, for ever; asking it to end does not help.
import { once } from 'node:events';
import { listen, say, sayInit } from './speaks-like-claude.mjs';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

let isTalking = false;
listen(async () => {
  if (isTalking) return;
  isTalking = true;
  sayInit();
  for (let count = 1; ; count += 1) {
    say({ type: 'assistant', message: { id: `m${count}`, role: 'assistant', content: [{ type: 'text', text: 'word '.repeat(40) }] } });
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
  }
});
