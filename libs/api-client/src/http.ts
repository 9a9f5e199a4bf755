// Requests with the key, a time limit and errors as ApiProblem or ServerUnreachable; repeats those that may be repeated.
import { ApiProblem, isTransient, problemOf, reasonOf, ServerUnreachable, UNEXPECTED_ANSWER } from './api-errors.js';
import { backOffMs, pause } from './back-off.js';

export interface HttpOptions {
  /** Address of the API, with or without a path below which it is mounted. */
  readonly url: string;
  readonly key?: string | undefined;
  /** Sent as X-Runyard-Client; the API notes it as the run's trigger. */
  readonly client?: 'cli' | 'ui' | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** How long a request is repeated while nobody answers or the API says 503, in milliseconds. */
  readonly patienceMs: number;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Until the headers of the answer are there. Default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 30_000;
const BACK_OFF = { baseMs: 200, maxMs: 5_000 };

export class Http {
  readonly url: string;
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;
  readonly #patienceMs: number;

  /** @throws TypeError when the address or the key cannot be used */
  constructor({ url, key, client, fetch: given, patienceMs }: HttpOptions) {
    this.#base = baseOf(url);
    this.url = this.#base.href.replace(/\/$/, '');
    if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) throw new TypeError('the API key must be visible ASCII characters without spaces');
    this.#headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(client === undefined ? {} : { 'x-runyard-client': client }),
    };
    // A browser's fetch wants to be called as a function of the window, not as a method of ours.
    this.#fetch = given ?? ((input, init) => globalThis.fetch(input, init));
    this.#patienceMs = patienceMs;
  }

  /**
   * One request; the answer is a success whose body is still to be read. A time limit ends with the headers, `signal` holds on.
   * @throws ApiProblem, ServerUnreachable, or the reason of `signal`
   */
  async send(call: Call): Promise<Response> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Error('no answer in time')), call.timeoutMs ?? TIMEOUT_MS);
    const signal = call.signal ? AbortSignal.any([call.signal, limit.signal]) : limit.signal;
    try {
      const response = await this.#fetch(this.#address(call), this.#init(call, signal));
      if (!response.ok) throw await problemOf(response);
      return response;
    } catch (error) {
      throw this.#known(error, call.signal, limit.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * A request whose answer is JSON, repeated with back-off for `patienceMs` while it fails in a way that may pass. Only for requests
   * that may be repeated: GET, cancel, and POST with an Idempotency-Key.
   * @throws ApiProblem, ServerUnreachable, or the reason of `signal`
   */
  async json<T>(call: Call): Promise<T> {
    const started = performance.now();
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#readJson<T>(await this.send(call), call.signal);
      } catch (error) {
        const waitMs = Math.max(backOffMs(BACK_OFF, failures), error instanceof ApiProblem ? (error.retryAfterMs ?? 0) : 0);
        if (!isTransient(error) || performance.now() - started + waitMs > this.#patienceMs) throw error;
        await pause(waitMs, call.signal);
        call.signal?.throwIfAborted();
      }
    }
  }

  async #readJson<T>(response: Response, signal: AbortSignal | undefined): Promise<T> {
    let text: string;
    try {
      text = await response.text();
    } catch (error) {
      throw this.#known(error, signal);
    }
    try {
      return JSON.parse(text) as T;
    } catch {
      const type = response.headers.get('content-type') ?? 'something without a type';
      throw new ApiProblem({ status: response.status, code: UNEXPECTED_ANSWER, detail: `${this.url} answered with ${type}, not as Runyard does.` });
    }
  }

  #known(error: unknown, given: AbortSignal | undefined, limit?: AbortSignal): unknown {
    if (error instanceof ApiProblem) return error;
    if (given?.aborted) return given.reason;
    return new ServerUnreachable(this.url, limit?.aborted ? 'no answer in time' : reasonOf(error), { cause: error });
  }

  #address(call: Call): URL {
    const address = new URL(this.#base.href + call.path.replace(/^\//, ''));
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    return address;
  }

  #init(call: Call, signal: AbortSignal): RequestInit {
    return {
      method: call.method ?? 'GET',
      headers: {
        accept: 'application/json',
        ...this.#headers,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      redirect: 'error',
      cache: 'no-store',
      signal,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    };
  }
}

function baseOf(url: string): URL {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new TypeError(`not an http address: ${url}`);
  const base = new URL(url);
  if (base.username !== '' || base.password !== '') throw new TypeError('the address must not hold a user or password');
  base.search = '';
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}
