// Prompts for the demo model of which a spec says what they do.

/** One block of an answer: a text, or the use of a tool. */
export type Block = { readonly text: string; readonly delay?: number } | { readonly tool: string; readonly input?: object };

/** The model answers with one block after the other, each in a request of its own. */
export function script(...blocks: readonly Block[]): string {
  return `[[script ${JSON.stringify({ rounds: blocks.map((block) => ({ blocks: [block] })) })}]]`;
}

export function bash(command: string): Block {
  return { tool: 'Bash', input: { command } };
}

/** A command that leaves a line in a file, to tell how often it ran; then the rest. */
export function count(ledger: string, rest = ''): Block {
  return bash(`echo one >> ${ledger}${rest}`);
}

/** A minute of text. */
export const SLOWLY: Block = { text: 'word '.repeat(600), delay: 100 };
