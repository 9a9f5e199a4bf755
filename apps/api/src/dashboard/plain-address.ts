// The first script of the dashboard's page, for an address such as http://any:KEY@host/queues.

/**
 * Below an address with a user and a password, browsers refuse every request that a script makes by a relative URL, and the page would
 * stay at "Loading". They know the credentials by now, so the page opens itself again without them. `origin` never has any.
 */
export const PLAIN_ADDRESS = `'use strict';
try {
  new Request(document.baseURI);
} catch {
  location.replace(location.origin + location.pathname + location.search + location.hash);
}
`;
