// Token counts are estimates, but they behave like real ones.
import { expect, test } from 'vitest';
import { prose, reply, toolCall } from './reply.js';
import { inputTokens, outputTokens, startUsage } from './token-usage.js';

const cached = [{ type: 'text' as const, text: 'system '.repeat(400), cache_control: { type: 'ephemeral' } }];
const first = { role: 'user' as const, content: 'a question '.repeat(50) };
const answer = { role: 'assistant' as const, content: 'an answer '.repeat(50) };

const parts = (usage: ReturnType<typeof startUsage>): number =>
  usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;

test('longer texts are more tokens', () => {
  expect(inputTokens({ model: 'm', messages: [first, answer] })).toBeGreaterThan(inputTokens({ model: 'm', messages: [first] }));
  expect(outputTokens(reply(prose('a '.repeat(200))))).toBe(100);
  expect(outputTokens(reply(toolCall('Write', { content: 'x'.repeat(4000) })))).toBeGreaterThan(1000);
  expect(outputTokens(reply())).toBe(1);
});

test('without cache control everything is plain input', () => {
  const request = { model: 'm', messages: [first] };
  expect(startUsage(request)).toEqual({
    input_tokens: inputTokens(request),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 1,
  });
});

test('the first request fills the cache, the next one reads it; the parts always add up', () => {
  const one = { model: 'm', system: cached, messages: [first] };
  const two = { model: 'm', system: cached, messages: [first, answer, { role: 'user' as const, content: 'more' }] };
  const [before, after] = [startUsage(one), startUsage(two)];
  expect(before).toMatchObject({ cache_read_input_tokens: 0, input_tokens: 3 });
  expect(after.cache_read_input_tokens).toBe(inputTokens(one));
  expect(after.cache_creation_input_tokens).toBeGreaterThan(0);
  expect([parts(before), parts(after)]).toEqual([inputTokens(one), inputTokens(two)]);
});
