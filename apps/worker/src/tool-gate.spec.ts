// What the gate lets go, and what it says it has not.
import type { HookCallback } from '@runyard/claude';
import { expect, test } from 'vitest';
import { ToolGate } from './tool-gate.js';
import type { ToolGateOptions } from './tool-gate.js';

const call = (id: string, toolName = 'Bash'): HookCallback => ({ requestId: `r-${id}`, toolName, toolUseId: id, input: {} });

/** Nothing is written down anywhere unless a test says so. */
function gateOf(options: Partial<ToolGateOptions>) {
  const sent: object[] = [];
  const noted: string[] = [];
  const note: ToolGateOptions['noted'] = async ({ toolUseId }) => noted.push(toolUseId) > 0;
  return { sent, noted, gate: new ToolGate({ send: (message) => sent.push(message), flushed: async () => true, noted: note, onReleased: () => undefined, ...options }) };
}

/** Until everything that can go on has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a tool goes when the log has it; what only reads does not wait', async () => {
  const log = Promise.withResolvers<boolean>();
  const { sent, noted, gate } = gateOf({ flushed: () => log.promise });
  const taken = gate.take(call('t'));
  await gate.take(call('r', 'Read'));
  expect([sent.length, noted, gate.waiting, gate.isChanging([{ id: 't' }])]).toEqual([1, [], ['t'], false]);
  log.resolve(true);
  await taken;
  expect([sent.length, noted, gate.waiting, gate.isChanging([{ id: 't' }]), gate.isChanging([{ id: 'r' }])]).toEqual([2, ['t'], [], true, false]);
});

test('held or lost: it stays, and is named', async () => {
  const log = Promise.withResolvers<boolean>();
  const { sent, noted, gate } = gateOf({ flushed: () => log.promise });
  const taken = gate.take(call('before'));
  gate.hold();
  log.resolve(true);
  await Promise.all([taken, gate.take(call('after')), gate.take(call('read', 'Read'))]);
  expect([sent, noted, gate.waiting]).toEqual([[], [], ['before', 'after', 'read']]);
  const lost = gateOf({ flushed: async () => false });
  await lost.gate.take(call('t'));
  expect([lost.sent, lost.noted, lost.gate.waiting]).toEqual([[], [], ['t']]);
});

test('it is answered when it is noted, and not before; each for itself', async () => {
  const notes = new Map(['a', 'b', 'c'].map((id) => [id, Promise.withResolvers<boolean>()]));
  const { sent, gate } = gateOf({ noted: async ({ toolUseId }) => notes.get(toolUseId)?.promise ?? false });
  const taken = ['a', 'b', 'c'].map((id) => gate.take(call(id)));
  await settled();
  expect([sent, gate.waiting, gate.isChanging([{ id: 'a' }])]).toEqual([[], ['a', 'b', 'c'], false]);
  notes.get('b')?.resolve(true);
  await taken[1];
  expect([sent, gate.waiting]).toMatchObject([[{ response: { request_id: 'r-b' } }], ['a', 'c']]);
  // A drain begins while the others are written down.
  gate.hold();
  notes.get('a')?.resolve(true);
  notes.get('c')?.resolve(false);
  await Promise.all(taken);
  expect([sent.length, gate.waiting, gate.isChanging([{ id: 'a' }])]).toEqual([1, ['a', 'c'], false]);
});

test('what cannot be noted does not go', async () => {
  const { sent, gate } = gateOf({ noted: async () => false });
  await gate.take(call('t'));
  expect([sent, gate.waiting, gate.isChanging([{ id: 't' }])]).toEqual([[], ['t'], false]);
});
