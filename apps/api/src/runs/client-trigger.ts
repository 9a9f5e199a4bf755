// Who asked: the header X-Runyard-Client, set by the command line and the web UI.
import { ProblemError } from '@runyard/domain';
import type { Trigger } from '@runyard/domain';

const CLIENTS = ['api', 'cli', 'ui'] as const satisfies readonly Trigger[];

/** The trigger of a run that came over HTTP; `api` without the header. @throws ProblemError invalid_parameter */
export function clientTrigger(header: string | readonly string[] | undefined): (typeof CLIENTS)[number] {
  if (header === undefined) return 'api';
  const client = CLIENTS.find((known) => known === header);
  if (client) return client;
  throw new ProblemError('invalid_parameter', undefined, [{ field: 'X-Runyard-Client', message: `must be one of: ${CLIENTS.join(', ')}` }]);
}
