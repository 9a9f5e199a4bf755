// What the tools of runs did, in their own words: each adds lines to a file that every worker shares, outside of all workspaces.
import { waitFor } from '@runyard/testing';
import type { CreateRun } from '@runyard/domain';
import type { Stack } from './stack.js';

/** One block of an answer of the demo model: a text, or a command. */
type Block = { readonly text: string; readonly delay?: number } | { readonly bash: string };

/** Five minutes of text: whatever cuts a run off finds it talking, also on a slow machine. No test waits for its end. */
export const SLOWLY: Block = { text: 'word '.repeat(3000), delay: 100 };

/**
 * The demo model answers with one round after the other, each in a request of its own; the first without a command is the last.
 * A resumed run is a new message: then it says hello.
 */
export function script(...answers: readonly (Block | readonly Block[])[]): Pick<CreateRun, 'prompt' | 'allowed_tools'> {
  const blockOf = (block: Block) => ('bash' in block ? { tool: 'Bash', input: { command: block.bash } } : block);
  const rounds = answers.map((blocks) => ({ blocks: [blocks].flat().map(blockOf) }));
  return { prompt: `[[script ${JSON.stringify({ rounds })}]]`, allowed_tools: ['Bash'] };
}

export class Ledger {
  readonly path: string;

  /** @param name unique in its stack */
  constructor(private readonly stack: Stack, name: string) {
    this.path = `/workspaces/ledger-${name}`;
  }

  /** A shell command that adds a line. */
  get note(): string {
    return `echo "$RUNYARD_RUN_MARK" >> ${this.path}`;
  }

  /** The attempt of each line, in order. */
  async attempts(): Promise<number[]> {
    const lines = await this.stack.shell('api', `cat ${this.path} 2>/dev/null || true`);
    return lines.split('\n').filter((line) => line !== '').map((mark) => Number(mark.split('.')[1]));
  }

  async until(lines: number): Promise<void> {
    await waitFor(async () => (await this.attempts()).length >= lines, { what: `${lines} lines in ${this.path}`, timeoutMs: 90_000 });
  }
}
