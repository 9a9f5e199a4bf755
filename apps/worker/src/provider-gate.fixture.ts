// Between the CLI and the demo model: passes requests on, or refuses them all while a spec says so, and remembers who asked.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AskedRequest {
  /** The CLI's `x-claude-code-session-id`. */
  readonly session: string;
  readonly refused: boolean;
}

export interface ProviderGate {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** Requests of the Messages API, oldest first. */
  readonly asked: readonly AskedRequest[];
  /** From now on: an HTTP error for everybody, or undefined to pass everything on. */
  refuse(status: 401 | 429 | 529 | undefined): void;
  close(): Promise<void>;
}

const KINDS = { 401: 'authentication_error', 429: 'rate_limit_error', 529: 'overloaded_error' } as const;

/** @param target URL of the demo model */
export async function openProviderGate(target: string): Promise<ProviderGate> {
  const asked: AskedRequest[] = [];
  let refusal: keyof typeof KINDS | undefined;
  const server = createServer((incoming, response) => {
    response.on('error', () => undefined);
    const session = String(incoming.headers['x-claude-code-session-id'] ?? '');
    if (incoming.url?.startsWith('/v1/messages')) asked.push({ session, refused: refusal !== undefined });
    if (refusal === undefined) pass(incoming, response, target);
    else refuse(incoming, response, refusal);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    refuse: (status) => void (refusal = status),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function refuse(incoming: IncomingMessage, response: ServerResponse, status: keyof typeof KINDS): void {
  incoming.resume();
  const body = JSON.stringify({ type: 'error', error: { type: KINDS[status], message: 'refused by the test' } });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

function pass(incoming: IncomingMessage, response: ServerResponse, target: string): void {
  const passed = request(`${target}${incoming.url ?? ''}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => response.destroy());
  response.on('close', () => passed.destroy());
  incoming.pipe(passed);
}
