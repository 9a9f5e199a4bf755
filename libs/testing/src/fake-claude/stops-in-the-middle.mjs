#!/usr/bin/env node
// Starts a turn and then falls silent; ends by SIGTERM or at the end of its input.
import { listen, say, sayInit, stayForEver } from './speaks-like-claude.mjs';

listen(
  () => {
    sayInit();
    say({ type: 'stream_event', event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half of an ' } } });
  },
  () => process.exit(0),
);
stayForEver();
