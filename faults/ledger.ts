// The side-effect ledger: a file that the tools of runs append to, so that what really happened is known without asking the product.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerLine } from './evidence.ts';

export class Ledger {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the directory with the programs that tools call. */
  static async make(dir: string): Promise<Ledger> {
    await mkdir(dir, { recursive: true });
    // One printf is one write to a file that is opened for appending: lines of several processes do not mix.
    const line = `printf '%s %s %s\\n' "$1" "$RUNYARD_RUN_MARK" "$(date +%s%3N)" >> '${join(dir, 'ledger')}'\n`;
    await writeFile(join(dir, 'write.sh'), `# write.sh <tool>: one line\n${line}`);
    const ticks = `tool=$1; times=$2\ncase "$RUNYARD_RUN_MARK" in *.1.*) ;; *) times=$3;; esac\nn=0\nwhile [ $n -lt $times ]; do n=$((n+1)); set -- "$tool#$n"; ${line.trim()}; sleep 0.1; done\n`;
    await writeFile(join(dir, 'ticks.sh'), `# ticks.sh <tool> <n> <m>: a line each 100 ms, n of them, in a later attempt m\n${ticks}`);
    await writeFile(join(dir, 'ledger'), '');
    return new Ledger(dir);
  }

  /** Command of a tool that has one effect. */
  write(tool: string): string {
    return `sh ${join(this.#dir, 'write.sh')} ${tool}`;
  }

  /** Command of a tool whose effects go on: ten a second, `times` of them, in any attempt but the first `timesLater`. */
  ticks(tool: string, times: number, timesLater: number): string {
    return `sh ${join(this.#dir, 'ticks.sh')} ${tool} ${times} ${timesLater}`;
  }

  /** All lines, or those of one run. */
  async lines(runId?: string): Promise<LedgerLine[]> {
    const text = await readFile(join(this.#dir, 'ledger'), 'utf8');
    const all = text.split('\n').filter(Boolean).map(lineOf);
    return runId === undefined ? all : all.filter((line) => line.runId === runId);
  }
}

function lineOf(text: string): LedgerLine {
  const [tool = '', mark = '', at = ''] = text.split(' ');
  const [runId = '', attempt = ''] = mark.split('.');
  return { tool, runId, attempt: Number(attempt), atMs: Number(at) };
}
