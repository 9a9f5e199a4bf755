// What a person reads when settings are wrong: every bad variable by name with its fix, and no stack trace.

/** One bad variable. `fix` completes the sentence "<name> …". It never holds the value of a secret. */
export interface SettingsProblem {
  readonly name: string;
  readonly fix: string;
}

/** sysexits(3) EX_CONFIG: service managers can tell a wrong setting from a crash. */
export const EXIT_CODE_BAD_SETTINGS = 78;

/** Thrown by `readSettings`; the message is the text for the user, one line per variable. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    const count = problems.length === 1 ? 'one setting is' : `${problems.length} settings are`;
    const lines = problems.map((problem) => `  ${problem.name} ${problem.fix}`);
    super([`Cannot start: ${count} wrong.`, ...lines, 'All settings: docs/configuration.md'].join('\n'));
    this.problems = problems;
  }
}

interface Terminal {
  readonly write: (text: string) => void;
  readonly exit: (code: number) => void;
}

const processTerminal: Terminal = {
  write: (text) => process.stderr.write(text),
  exit: (code) => process.exit(code),
};

/**
 * Prints a SettingsError as one block on stderr and exits with code 78.
 * Any other error is a bug and is thrown again.
 */
export function exitOnSettingsError(error: unknown, terminal: Terminal = processTerminal): void {
  if (!(error instanceof SettingsError)) throw error;
  terminal.write(`${error.message}\n`);
  terminal.exit(EXIT_CODE_BAD_SETTINGS);
}
