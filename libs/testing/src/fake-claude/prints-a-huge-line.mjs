#!/usr/bin/env node
// Says one message of 50 MB, then its result.
import { listen, say, sayInit, sayResult } from './speaks-like-claude.mjs';

listen(() => {
  sayInit();
  say({ type: 'assistant', message: { role: 'assistant', content: [{ type: 'text', text: 'x'.repeat(50_000_000) }] }, parent_tool_use_id: null });
  sayResult();
});
