// Programs that stand in for the claude binary where the real one cannot be made to misbehave. Each file says what it does.
import { fileURLToPath } from 'node:url';

export type FakeClaude =
  | 'answers-plainly'
  | 'closes-stdout-and-stays'
  | 'complains-and-exits'
  | 'exits-without-output'
  | 'floods-its-output'
  | 'ignores-every-signal'
  | 'keeps-a-ledger'
  | 'kills-itself'
  | 'leaves-a-child-with-stdout'
  | 'never-speaks'
  | 'never-stops-talking'
  | 'prints-a-huge-line'
  | 'prints-garbage'
  | 'stays-after-its-result'
  | 'stops-in-the-middle'
  | 'takes-long-over-a-tool';

/** Path of an executable file, for RUNYARD_CLAUDE_BIN; it needs `node` on its PATH. */
export function fakeClaude(name: FakeClaude): string {
  return fileURLToPath(new URL(`../src/fake-claude/${name}.mjs`, import.meta.url));
}
