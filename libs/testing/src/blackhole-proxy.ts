// A TCP proxy in front of a server that can be made silent, one-way, slow or refusing: the network as it sometimes is.
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** As the client sees it: `to_server` carries its commands, `to_client` the answers. */
export type Direction = 'to_server' | 'to_client';

export type ProxyMode =
  | { readonly kind: 'pass' }
  /** Nothing gets through, and nobody is told; what was sent meanwhile arrives when it is over, as TCP sends it again. Default: both directions. */
  | { readonly kind: 'hold'; readonly direction?: Direction }
  /** What is sent meanwhile is lost for good; a connection that lost bytes breaks when it is over. Default: both directions. */
  | { readonly kind: 'drop'; readonly direction?: Direction }
  /** Each chunk arrives so many milliseconds later than it was sent, in order. Default: both directions. */
  | { readonly kind: 'delay'; readonly fromMs: number; readonly toMs: number; readonly direction?: Direction }
  /** Open connections are reset, new ones too. */
  | { readonly kind: 'refuse' };

export interface BlackholeProxyOptions {
  /** The server behind it. */
  readonly target: { readonly path: string } | { readonly host: string; readonly port: number };
  /** From 0 to 1; a seeded one makes delays repeatable. Default Math.random. */
  readonly random?: () => number;
}

export interface BlackholeProxy {
  readonly host: string;
  readonly port: number;
  /** For REDIS_URL. */
  readonly url: string;
  /** How many clients are connected. */
  connections(): number;
  /** From now on; also for connections that are open. */
  set(mode: ProxyMode): void;
  /** Breaks every connection and listens no more. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Beyond this the sender feels that nobody reads, as it would without the proxy. */
const BUFFER_BYTES = 1024 * 1024;

/** Listens on a free port of the loopback address, passing everything until told otherwise. */
export async function startBlackholeProxy(options: BlackholeProxyOptions): Promise<BlackholeProxy> {
  const proxy = new TcpProxy(options);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements BlackholeProxy {
  readonly host = HOST;
  readonly #options: BlackholeProxyOptions;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #mode: ProxyMode = { kind: 'pass' };
  #changed = Promise.withResolvers<void>();

  constructor(options: BlackholeProxyOptions) {
    this.#options = options;
    // Half-open: the end of one direction is passed on like everything else.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, HOST);
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`;
  }

  connections(): number {
    return this.#links.size;
  }

  set(mode: ProxyMode): void {
    this.#mode = mode;
    for (const link of this.#links) if (mode.kind === 'refuse' || (mode.kind !== 'drop' && link.lostBytes)) link.reset();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async close(): Promise<void> {
    this.set({ kind: 'refuse' });
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#mode.kind === 'refuse') return void client.on('error', () => undefined).resetAndDestroy();
    const server = createConnection({ ...this.#options.target, allowHalfOpen: true });
    const link = new Link(client, server);
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => link.reset());
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
    }
    this.#carry(client, server, 'to_server', link);
    this.#carry(server, client, 'to_client', link);
  }

  /** Passes on what comes, in order; each chunk has its own time of arrival. */
  #carry(from: Socket, to: Socket, direction: Direction, link: Link): void {
    let last = Promise.resolve();
    let waitingBytes = 0;
    const arrive = async (before: Promise<void>, dueAtMs: number, deliver: () => void): Promise<void> => {
      await before;
      // A timer may fire a little early.
      for (let leftMs: number; (leftMs = dueAtMs - performance.now()) > 0; ) await sleep(Math.ceil(leftMs));
      while (this.#is('hold', direction) && !to.destroyed) await this.#changed.promise;
      if (this.#is('drop', direction)) link.lostBytes = true;
      else if (!to.destroyed) deliver();
    };
    const inOrder = (deliver: () => void): Promise<void> => (last = arrive(last, performance.now() + this.#delayMs(direction), deliver));
    from.on('data', async (chunk) => {
      waitingBytes += chunk.length;
      if (waitingBytes > BUFFER_BYTES) from.pause();
      await inOrder(() => void to.write(chunk));
      waitingBytes -= chunk.length;
      if (waitingBytes <= BUFFER_BYTES) from.resume();
    });
    from.once('end', () => void inOrder(() => void to.end()));
  }

  #is(kind: 'hold' | 'drop', direction: Direction): boolean {
    const mode = this.#mode;
    return mode.kind === kind && (mode.direction ?? direction) === direction;
  }

  #delayMs(direction: Direction): number {
    const mode = this.#mode;
    if (mode.kind !== 'delay' || (mode.direction ?? direction) !== direction) return 0;
    return mode.fromMs + (this.#options.random ?? Math.random)() * (mode.toMs - mode.fromMs);
  }
}

/** A client and its connection to the server. */
class Link {
  lostBytes = false;
  readonly #client: Socket;
  readonly #server: Socket;

  constructor(client: Socket, server: Socket) {
    this.#client = client;
    this.#server = server;
  }

  /** The client sees ECONNRESET. */
  reset(): void {
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    this.#server.destroy();
  }
}
