// Errors on stderr: what is wrong in red, what to do below it.
import type { Context } from './context.js';
import type { Explanation } from './explain-error.js';
import { painter } from './style.js';

/** Prints an explanation. */
export function printError({ stderr }: Pick<Context, 'stderr'>, { lines }: Pick<Explanation, 'lines'>): void {
  const paint = painter(stderr);
  const [what = '', ...then] = lines;
  stderr.write(`${paint('red', 'runyard:')} ${what}\n${then.map((line) => `  ${line}\n`).join('')}`);
}
