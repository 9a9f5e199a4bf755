// Between the CLI and the demo model: passes everything on, or answers everything with an error while there is a storm.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

export type Storm = 'overloaded' | 'rate limited' | 'refused key';

const STATUS: Readonly<Record<Storm, number>> = { overloaded: 529, 'rate limited': 429, 'refused key': 401 };
const KIND: Readonly<Record<Storm, string>> = { overloaded: 'overloaded_error', 'rate limited': 'rate_limit_error', 'refused key': 'authentication_error' };

export class StormGate {
  readonly #server: Server;
  readonly #model: string;
  #storm: Storm | undefined;
  /** Times of the requests that met the storm. */
  readonly refused: number[] = [];

  private constructor(model: string) {
    this.#model = model;
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
  }

  static async open(model: string): Promise<StormGate> {
    const gate = new StormGate(model);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  /** For ANTHROPIC_BASE_URL. */
  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  set storm(storm: Storm | undefined) {
    this.#storm = storm;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => undefined);
    if (this.#storm === undefined) return void this.#pass(incoming, response);
    if (incoming.url?.startsWith('/v1/messages') === true) this.refused.push(Date.now());
    incoming.resume();
    const body = JSON.stringify({ type: 'error', error: { type: KIND[this.#storm], message: `a storm of the fault tests: ${this.#storm}` } });
    response.writeHead(STATUS[this.#storm], { 'content-type': 'application/json', ...(this.#storm === 'rate limited' && { 'retry-after': '3' }) }).end(body);
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const passed = request(`${this.#model}${incoming.url ?? ''}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    incoming.pipe(passed);
  }
}
