// Which request gets which answer.
import { answerMessage } from './answer-message.js';
import { sendError, sendHead, sendJson } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { FailCounters } from './fail-counters.js';
import { readMessagesRequest } from './messages-request.js';
import type { MessagesRequest } from './messages-request.js';
import { MAX_BODY_BYTES, readBody } from './read-body.js';
import type { RequestLog } from './request-log.js';
import { inputTokens } from './token-usage.js';

export interface Memory {
  readonly log: RequestLog;
  readonly counters: FailCounters;
}

type Answer = (exchange: Exchange, memory: Memory) => Promise<void> | void;

export const LOG_PATH = '/__demo/requests';

const routes: Readonly<Record<string, Answer>> = {
  'POST /v1/messages': async (exchange, memory) => {
    const body = await bodyOf(exchange);
    if (body !== undefined) await answerMessage(exchange, body, memory.counters);
  },
  'POST /v1/messages/count_tokens': async (exchange) => {
    const body = await bodyOf(exchange);
    if (body !== undefined) sendJson(exchange, 200, { input_tokens: inputTokens(body) });
  },
  'GET /v1/models': (exchange) => sendJson(exchange, 200, modelList()),
  [`GET ${LOG_PATH}`]: (exchange, memory) => sendJson(exchange, 200, { data: memory.log.list() }),
  [`DELETE ${LOG_PATH}`]: (exchange, memory) => {
    memory.log.clear();
    memory.counters.clear();
    sendHead(exchange, 204, {});
    exchange.response.end();
  },
};

/** Answers one request. Rejects only when the connection broke or for a bug. */
export async function answer(exchange: Exchange, path: string, memory: Memory): Promise<void> {
  const method = exchange.request.method ?? 'GET';
  const route = routes[`${method} ${path}`];
  if (route !== undefined) return route(exchange, memory);
  exchange.request.resume();
  return sendError(exchange, 404, `${method} ${path} is not known to the demo model`);
}

/** The parsed body, or undefined when an error was sent instead. */
async function bodyOf(exchange: Exchange): Promise<MessagesRequest | undefined> {
  exchange.entry.scenario = 'bad_request';
  const bytes = await readBody(exchange.request);
  if (bytes === 'too_large') {
    sendError(exchange, 413, `Request exceeds the maximum size of ${MAX_BODY_BYTES} bytes`);
    return undefined;
  }
  const json = parseJson(bytes);
  const read = 'problem' in json ? json : readMessagesRequest(json.value);
  if ('problem' in read) {
    sendError(exchange, 400, read.problem);
    return undefined;
  }
  exchange.entry.scenario = null;
  return read.request;
}

function parseJson(bytes: Buffer): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch (error) {
    return { problem: `The request body is not valid JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Any model name is accepted; the list has one, whose name says what it is. */
function modelList(): unknown {
  const id = 'runyard-demo-model';
  const model = { type: 'model', id, display_name: 'Offline demo model of Runyard (not Claude)', created_at: '2026-01-01T00:00:00Z' };
  return { data: [model], has_more: false, first_id: id, last_id: id };
}
