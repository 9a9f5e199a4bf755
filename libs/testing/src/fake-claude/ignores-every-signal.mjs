#!/usr/bin/env node
// Starts a turn, then ignores interrupts, SIGINT, SIGTERM, SIGHUP and the end of its input.
import { listen, sayInit, stayForEver } from './speaks-like-claude.mjs';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
listen((message) => {
  if (message.type === 'user') sayInit();
});
stayForEver();
