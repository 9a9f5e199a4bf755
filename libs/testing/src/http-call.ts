// Plain HTTP for specs: every header, path and byte as given, nothing normalised as fetch would.
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { createConnection } from 'node:net';

export interface HttpCall {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  /** `undefined` leaves a header out, also one that would be set by itself. */
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** Text and bytes are sent as they are, anything else as JSON with its content type. */
  readonly body?: unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body parsed, undefined when it is no JSON. */
  readonly json: unknown;
}

/** Sends one request on a connection of its own and reads the whole answer. `path` goes out unchanged. */
export async function httpCall(baseUrl: string, path: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const response = await httpOpen(baseUrl, path, call);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const text = body.toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, body, text, json: parsed(text) };
}

/** Sends one request and returns the answer as soon as its head is there; the caller reads it or destroys it. */
export async function httpOpen(baseUrl: string, path: string, { method, headers, body }: HttpCall = {}): Promise<IncomingMessage> {
  const { hostname, port } = new URL(baseUrl);
  const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const payload = isRaw ? body : JSON.stringify(body);
  const defaults = payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload), 'content-type': 'application/json' };
  const given = Object.entries({ ...defaults, ...headers }).filter(([, value]) => value !== undefined);
  const sent = request({ host: hostname, port, path, method: method ?? (payload === undefined ? 'GET' : 'POST'), agent: false, headers: Object.fromEntries(given) });
  sent.end(payload);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  // A server may answer and close before it has taken the whole body; the answer is what counts.
  sent.on('error', () => undefined);
  return response;
}

/** Sends bytes that need not be HTTP and returns all that comes back until the server closes the connection. */
export async function rawCall(baseUrl: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(baseUrl);
  const socket = createConnection(Number(port), hostname);
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
