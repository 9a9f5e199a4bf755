// Why the API cannot start, as one block of text for the person who started it.
import { EXIT_CODE_BAD_SETTINGS, SettingsError } from '@runyard/config';

/** Something outside is wrong; the message says what and how to mend it. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

export interface Exit {
  readonly text: string;
  readonly code: number;
}

/** What to print and which code to exit with; undefined for a defect of ours, whose stack trace matters. */
export function exitFor(error: unknown, address: { readonly host: string; readonly port: number } | undefined): Exit | undefined {
  if (error instanceof SettingsError) return { text: error.message, code: EXIT_CODE_BAD_SETTINGS };
  if (error instanceof StartupError) return { text: `Cannot start: ${error.message}`, code: EXIT_CODE_BAD_SETTINGS };
  const reason = address && listenFault(error, address.host, address.port);
  return reason === undefined ? undefined : { text: `Cannot start: ${reason}`, code: 1 };
}

function listenFault(error: unknown, host: string, port: number): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return undefined;
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use. Stop what listens there, or set RUNYARD_PORT to another port (0 takes any free one).`;
    case 'EACCES':
      return `port ${port} on ${host} may not be used by this user. Set RUNYARD_PORT to a port above 1023.`;
    default:
      return `${host} cannot be listened on (${String(error.code)}). Set RUNYARD_HOST to an address of this machine.`;
  }
}
