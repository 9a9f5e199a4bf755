#!/usr/bin/env node
// Behaves: answers each user message with its text, and exits when its input ends.
import { listen, say, sayInit, sayResult } from './speaks-like-claude.mjs';

listen((message) => {
  if (message.type === 'control_request') {
    say({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id, response: {} } });
    return;
  }
  const text = JSON.stringify(message.message.content);
  sayInit();
  say({ type: 'assistant', message: { role: 'assistant', content: [{ type: 'text', text }] }, parent_tool_use_id: null });
  sayResult(text);
  if (message.uuid) say({ type: 'command_lifecycle', command_uuid: message.uuid, state: 'completed' });
});
