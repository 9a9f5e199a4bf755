// A Redis address as a URL → connection options that ioredis understands.

/** Options for `new Redis(options)`: a Unix socket (`path`) or a host and port. */
export type RedisConnection = { readonly username?: string; readonly password?: string; readonly db?: number } & (
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly tls?: Record<string, never> }
);

/**
 * Parses `redis://`, `rediss://` (TLS) and `unix:///path/of/socket[?db=n]`; user, password and database number are kept.
 * Returns null for anything else.
 */
export function parseRedisUrl(text: string): RedisConnection | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const unix = url.protocol === 'unix:';
  if (!unix && url.protocol !== 'redis:' && url.protocol !== 'rediss:') return null;
  try {
    const rest = { ...credentialsOf(url), ...databaseOf(unix ? (url.searchParams.get('db') ?? '') : url.pathname.slice(1)) };
    if (unix) return unixPath(url, rest);
    if (url.hostname === '') return null;
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const address = { host, port: url.port === '' ? 6379 : Number(url.port) };
    return url.protocol === 'rediss:' ? { ...address, tls: {}, ...rest } : { ...address, ...rest };
  } catch {
    return null; // a broken percent escape, or a database that is no number
  }
}

function unixPath<T extends object>(url: URL, rest: T): (T & { path: string }) | null {
  const path = decodeURIComponent(url.pathname);
  return url.hostname === '' && path.length > 1 ? { path, ...rest } : null;
}

function credentialsOf(url: URL): { username?: string; password?: string } {
  return {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}

function databaseOf(text: string): { db?: number } {
  if (text === '') return {};
  if (!/^\d{1,5}$/.test(text)) throw new RangeError('database number');
  return { db: Number(text) };
}
