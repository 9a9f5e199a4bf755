// What the gate lets go, and what it says it has not.
import type { HookCallback } from '@runyard/claude';
import { expect, test } from 'vitest';
import { ToolGate } from './tool-gate.js';

const call = (id: string, toolName = 'Bash'): HookCallback => ({ requestId: `r-${id}`, toolName, toolUseId: id, input: {} });

function gateOf(flushed: () => Promise<boolean>) {
  const sent: object[] = [];
  return { sent, gate: new ToolGate({ send: (message) => sent.push(message), flushed, onReleased: () => undefined }) };
}

test('a tool goes when the log has it; what only reads does not wait', async () => {
  const log = Promise.withResolvers<boolean>();
  const { sent, gate } = gateOf(() => log.promise);
  const taken = gate.take(call('t'));
  await gate.take(call('r', 'Read'));
  expect([sent.length, gate.waiting, gate.isChanging([{ id: 't' }])]).toEqual([1, ['t'], false]);
  log.resolve(true);
  await taken;
  expect([sent.length, gate.waiting, gate.isChanging([{ id: 't' }]), gate.isChanging([{ id: 'r' }])]).toEqual([2, [], true, false]);
});

test('held or lost: it stays, and is named', async () => {
  const log = Promise.withResolvers<boolean>();
  const { sent, gate } = gateOf(() => log.promise);
  const taken = gate.take(call('before'));
  gate.hold();
  log.resolve(true);
  await Promise.all([taken, gate.take(call('after')), gate.take(call('read', 'Read'))]);
  expect([sent, gate.waiting]).toEqual([[], ['before', 'after', 'read']]);
  const lost = gateOf(async () => false);
  await lost.gate.take(call('t'));
  expect([lost.sent, lost.gate.waiting]).toEqual([[], ['t']]);
});
