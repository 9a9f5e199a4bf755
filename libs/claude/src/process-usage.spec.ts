// What one process has used up: by its results, and by answers that no result counts.
import { expect, test } from 'vitest';
import { ProcessUsage } from './process-usage.js';

const MODEL = 'claude-haiku-4-5';
const usage = (input: number, output: number) => ({ input_tokens: input, output_tokens: output, cache_read_input_tokens: 1, cache_creation_input_tokens: 2 });
const text = { type: 'text', text: 'hi' };
const use = (id: string, input: object = {}) => ({ type: 'tool_use', id, name: 'Bash', input });
const answer = (id: string, content: object[], more: object = {}) => ({ type: 'assistant', message: { id, model: MODEL, content, usage: usage(10, 1) }, parent_tool_use_id: null, ...more });
const stream = (event: object, more: object = {}) => ({ type: 'stream_event', event, parent_tool_use_id: null, ...more });
const start = stream({ type: 'message_start', message: { id: 'a', model: MODEL, usage: usage(10, 1) } });
const end = stream({ type: 'message_delta', usage: { output_tokens: 50 } }, { api_message_id: 'a' });
const result = { type: 'result', total_cost_usd: 1.5, num_turns: 2, usage: usage(100, 0) };

const usageSum = { input_tokens: 110, output_tokens: 1, cache_read_input_tokens: 2, cache_creation_input_tokens: 4 };

function after(...messages: readonly { readonly type: string }[]): ProcessUsage {
  const sum = new ProcessUsage();
  for (const message of messages) {
    if (message.type === 'result') sum.result({ ...message });
    else if (message.type === 'stream_event') sum.stream({ ...message });
    else sum.assistant({ ...message });
  }
  return sum;
}
const spent = (...messages: readonly { readonly type: string }[]) => after(...messages).spent({ before: 0 }, false);

test('nothing is known of a process that said nothing', () => {
  expect(spent()).toEqual({ usage: null, cost_usd: null, cost_estimated: false, num_turns: null });
  expect(after().spent({ before: 0 }, true)).toMatchObject({ cost_usd: null, cost_estimated: false });
});

test('each answer without a result counts once, its output from its end', () => {
  expect(spent(start).usage, 'cut off in its first block').toEqual(usage(10, 1));
  expect(spent(start, answer('a', [text]), answer('a', [use('t')]), end).usage).toEqual(usage(10, 50));
  expect(spent(start, end, answer('a', [text])).usage?.output_tokens, 'a block that is told late').toBe(50);
  expect(spent(start, stream({ type: 'message_delta', usage: { output_tokens: 7 } })).usage?.output_tokens).toBe(7);
  const long = spent(answer('a', [{ type: 'text', text: 'x'.repeat(400) }]), answer('a', [use('t', { command: 'y'.repeat(786) })]));
  expect(long.usage?.output_tokens, 'no end was told: guessed from 400 + 800 characters').toBe(300);
  const own = { type: 'assistant', message: { id: 'x', model: '<synthetic>', content: [text], usage: usage(0, 0) } };
  expect(spent(own).usage, 'the CLI’s own words').toBeNull();
});

test('results say what they cost, by difference; nothing is estimated', () => {
  expect(after(start, end, result).spent({ before: 1 }, false)).toEqual({ usage: usage(100, 0), cost_usd: 0.5, cost_estimated: false, num_turns: 2 });
  expect(after(start, result).spent({ before: 1 }, false), 'an answer broke off and was asked for again').toMatchObject({ usage: usage(100, 0), cost_estimated: false });
  const ofSubagent = stream({ type: 'message_start', message: { id: 's', model: MODEL, usage: usage(10, 1) } }, { parent_tool_use_id: 't' });
  expect(after(ofSubagent, result).spent({ before: 1 }, false), 'a subagent still answers').toMatchObject({ usage: usageSum, cost_estimated: true });
  expect(after(result).spent({ before: 1 }, true), 'a turn was under way').toMatchObject({ cost_usd: 0.5, cost_estimated: true });
});

test('a turn that was cut off is estimated by model, unless the transcript knows its price', () => {
  const other = answer('c', [text], { parent_tool_use_id: 's', message: { id: 'c', model: 'claude-sonnet-5', content: [text], usage: usage(3, 4) } });
  const cut = after(start, end, result, answer('b', [text]), other);
  // haiku: 10 + 1 × 5 + 0.1 + 2 × 1.25; sonnet: 3 × 2 + 4 × 10 + 0.2 + 2 × 2.5, in millionths.
  expect(cut.spent({ before: 1 }, true)).toMatchObject({ usage: { input_tokens: 113, output_tokens: 5 }, cost_usd: 0.5 + 0.0000176 + 0.0000512, cost_estimated: true });
  expect(cut.spent({ before: 1, after: 1.75 }, true)).toMatchObject({ usage: { input_tokens: 113 }, cost_usd: 0.75, cost_estimated: false });
  // The transcript stopped at the last result, or has nothing at all: the cut turn is not in it.
  for (const noted of [1.5, 1, 0]) expect(cut.spent({ before: 1, after: noted }, true)).toMatchObject({ cost_usd: 0.5000688, cost_estimated: true });
});

test('a model whose price is not known: the tokens are told, the price is what the results said', () => {
  const strange = answer('b', [text], { message: { id: 'b', model: 'no-such-model', content: [text], usage: usage(10, 1) } });
  expect(after(result, strange).spent({ before: 1 }, true)).toMatchObject({ usage: { input_tokens: 110 }, cost_usd: 0.5, cost_estimated: true });
  expect(spent(strange)).toMatchObject({ usage: usage(10, 1), cost_usd: null, cost_estimated: true });
});
