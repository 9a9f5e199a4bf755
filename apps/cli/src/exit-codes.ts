// The exit codes of the command, and errors that know theirs.

export const EXIT = {
  ok: 0,
  /** The run failed or was canceled, or the command did. */
  failed: 1,
  usage: 2,
  notFound: 3,
  notAuthorized: 4,
  unreachable: 5,
  timedOut: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message for the user: what is wrong, and what to do next. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly exitCode: ExitCode;
  readonly next: string;

  constructor(exitCode: ExitCode, message: string, next: string) {
    super(message);
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** Reason of the abort signal after Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
