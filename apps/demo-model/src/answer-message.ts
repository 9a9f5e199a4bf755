// POST /v1/messages: plan, then the fault, the stream or the whole message.
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { errorBody } from './api-error.js';
import { sendHead, sendJson } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { FailCounters } from './fail-counters.js';
import { isMidStream } from './fault.js';
import type { Fault } from './fault.js';
import { newId, wholeMessage } from './message.js';
import type { MessagesRequest } from './messages-request.js';
import { planFor } from './plan.js';
import type { Plan } from './plan.js';
import { sendStream } from './send-stream.js';
import { streamEvents } from './stream-events.js';
import { outputTokens, startUsage } from './token-usage.js';

/** Resolves when the answer is sent, broken as planned, or no longer wanted. */
export async function answerMessage(exchange: Exchange, body: MessagesRequest, counters: FailCounters): Promise<void> {
  const plan = planFor(body);
  exchange.entry.scenario = plan.scenario;
  exchange.entry.round = plan.conversation.scene.round;
  const fault = faultNow(plan, exchange, body, counters);
  if (fault?.kind === 'hang') {
    if (!exchange.signal.aborted) await once(exchange.signal, 'abort');
    return;
  }
  if (fault?.kind === 'reset' && fault.after === 0) {
    exchange.request.socket.destroy();
    return;
  }
  if (fault?.kind === 'status') {
    sendJson(exchange, fault.status, errorBody(fault.type, fault.message, exchange.requestId), fault.headers);
    return;
  }
  await (body.stream === true ? streamReply(exchange, body, plan, fault) : sendReply(exchange, body, plan));
}

function faultNow(plan: Plan, exchange: Exchange, body: MessagesRequest, counters: FailCounters): Fault | undefined {
  if (plan.fault === undefined || (isMidStream(plan.fault.fault) && body.stream !== true)) return undefined;
  const { fault, fail } = plan.fault;
  const { prompt, promptCount } = plan.conversation;
  const key = JSON.stringify([exchange.entry.session_id, promptCount, prompt]);
  return fail === undefined || counters.take(key, fail) ? fault : undefined;
}

async function streamReply(exchange: Exchange, body: MessagesRequest, plan: Plan, fault: Fault | undefined): Promise<void> {
  const { reply } = plan;
  const head = { id: newId('msg'), model: body.model, usage: startUsage(body) };
  sendHead(exchange, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  exchange.response.flushHeaders();
  const events = streamEvents(reply, head, outputTokens(reply));
  await sendStream(exchange.response, events, { fault, splitBytes: reply.splitBytes, signal: exchange.signal });
}

/** Without a stream the delays of all pieces are waited at once. */
async function sendReply(exchange: Exchange, body: MessagesRequest, plan: Plan): Promise<void> {
  const { reply } = plan;
  const proseMs = reply.blocks.reduce((sum, block) => sum + (block.kind === 'tool' ? 0 : block.pieces.length * block.delayMs), 0);
  await wait((reply.startDelayMs ?? 0) + proseMs, undefined, { signal: exchange.signal }).catch(() => undefined);
  if (exchange.signal.aborted) return;
  const head = { id: newId('msg'), model: body.model, usage: startUsage(body) };
  sendJson(exchange, 200, wholeMessage(reply, head, outputTokens(reply)));
}
