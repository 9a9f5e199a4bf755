// Run ids as people give them: whole, a part of one, or `last`.
import type { ApiClient } from '@runyard/api-client';
import { idSchema } from '@runyard/domain';
import { EXIT, Refusal } from './exit-codes.js';
import { oneLine } from './text.js';

/** How many of the newest runs are looked through for an abbreviated id. */
const RECENT = 200;
const whole = idSchema('run');

/**
 * The id of the run that `text` means: a whole id, the beginning or the end of one of the newest 200 (4 characters at least), or `last`.
 * @throws Refusal when none or several fit
 */
export async function resolveRunId(client: ApiClient, text: string, signal?: AbortSignal): Promise<string> {
  if (whole.safeParse(text).success) return text;
  const shown = oneLine(text);
  if (text !== 'last' && text.length < 4) {
    throw new Refusal(EXIT.usage, `"${shown}" is too short for a run id.`, 'Give at least 4 characters of its beginning or end, or: last');
  }
  const fitting: string[] = [];
  let seen = 0;
  for await (const run of client.runs({ limit: 100, signal })) {
    if (text === 'last') return run.id;
    if (run.id.startsWith(text) || run.id.startsWith(`run_${text}`) || run.id.endsWith(text)) fitting.push(run.id);
    seen += 1;
    if (seen === RECENT) break;
  }
  const [found] = fitting;
  if (found !== undefined && fitting.length === 1) return found;
  if (fitting.length > 1) {
    throw new Refusal(EXIT.usage, `"${shown}" fits ${fitting.length} runs: ${fitting.slice(0, 5).join(' ')}`, 'Give more of the id.');
  }
  const where = text === 'last' ? 'There is no run yet.' : `There is no run "${shown}" among the newest ${RECENT}.`;
  throw new Refusal(EXIT.notFound, where, 'The command ps -a lists the runs there are.');
}
