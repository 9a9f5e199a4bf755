// Prompts that make the demo model do exactly this, one round after the other.

interface Round {
  readonly blocks: readonly object[];
  /** Milliseconds before the round's first byte. */
  readonly delay?: number;
}

/** A round in which the model asks for one command. */
export function bash(command: string, delay = 0): Round {
  return { blocks: [{ tool: 'Bash', input: { command, timeout: 300_000 } }], delay };
}

/** A round in which it says so many words, one every `delay` milliseconds. */
export function say(words: number, delay = 0): Round {
  return { blocks: [{ text: Array.from({ length: words }, (_, index) => `word-${index + 1}`).join(' '), delay }] };
}

/** A round in which it talks first and then asks for one command. */
export function sayThenBash(words: number, delay: number, command: string): Round {
  return { blocks: [...say(words, delay).blocks, ...bash(command).blocks] };
}

export function script(...rounds: readonly Round[]): string {
  return `[[script ${JSON.stringify({ rounds })}]]`;
}
