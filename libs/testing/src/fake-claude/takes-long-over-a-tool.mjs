#!/usr/bin/env node
// Its prompt is a number of milliseconds: so long its tool runs, or its permission is open (`<ms> permission`), without a word.
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, say, sayInit, sayResult } from './speaks-like-claude.mjs';

const INPUT = { command: 'make everything' };

listen(
  async (message) => {
    if (message.type === 'control_request') say({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id, response: {} } });
    if (message.type !== 'user') return;
    const { content } = message.message;
    const [ms, what] = (typeof content === 'string' ? content : content[0].text).split(' ');
    sayInit();
    say({ type: 'assistant', message: { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: INPUT }] }, parent_tool_use_id: null });
    if (what === 'permission') say({ type: 'control_request', request_id: 'ask-1', request: { subtype: 'can_use_tool', tool_name: 'Bash', input: INPUT, tool_use_id: 'toolu_1' } });
    await sleep(Number(ms));
    if (what === 'permission') say({ type: 'control_cancel_request', request_id: 'ask-1' });
    say({ type: 'user', message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'made' }] }, parent_tool_use_id: null });
    sayResult('made everything');
  },
  () => process.exit(0),
);
