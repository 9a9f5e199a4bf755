// Which Host and Origin headers are answered: a web page of somebody else must not reach the API through a browser.

const ALWAYS = ['localhost', '127.0.0.1', '[::1]'];
const WILDCARDS = new Set(['0.0.0.0', '::']);

export interface HostRules {
  /** The host the API listens on; a wildcard address allows nothing by itself. */
  readonly listenHost: string;
  /** Further `name` (any port) or `name:port`. */
  readonly allowedHosts: readonly string[];
}

/** Tells whether an authority such as `localhost:8080` is one of ours. */
export type HostCheck = (authority: string) => boolean;

/** Makes the check for Host headers. */
export function hostCheck({ listenHost, allowedHosts }: HostRules): HostCheck {
  const own = WILDCARDS.has(listenHost) ? [] : [listenHost.includes(':') ? `[${listenHost}]` : listenHost];
  const allowed = new Set([...ALWAYS, ...own, ...allowedHosts].map((host) => host.toLowerCase()));
  return (authority) => {
    const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?$/.exec(authority.toLowerCase());
    return match !== null && (allowed.has(match[1] ?? '') || allowed.has(match[0]));
  };
}

/** Tells whether an Origin header belongs to one of our hosts; `null` and other schemes do not. */
export function originCheck(isAllowedHost: HostCheck): (origin: string) => boolean {
  return (origin) => {
    const authority = /^https?:\/\/([^/?#\s]+)$/i.exec(origin)?.[1];
    return authority !== undefined && isAllowedHost(authority);
  };
}
