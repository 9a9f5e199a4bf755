// What routes there are: to tell 405 from 404, and for the test that asks each of them without a key.

export interface Route {
  readonly method: string;
  /** Pattern such as `/v1/runs/:id`. */
  readonly url: string;
}

/** Methods of the routes that the path of a URL matches, sorted. */
export function allowedMethods(routes: readonly Route[], url: string): string[] {
  const path = url.split('?')[0] ?? '';
  const methods = routes.filter((route) => patternOf(route.url).test(path)).map((route) => route.method);
  return [...new Set(methods)].toSorted();
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}
