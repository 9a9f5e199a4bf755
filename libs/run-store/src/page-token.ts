// Page tokens of lists: `<created ms>_<run id>`, the member of the index that was last.
import { idSchema } from '@runyard/domain';
import { InvalidPageError } from './errors.js';

const runId = idSchema('run');

/** The member a token stands for; '' for the first page. @throws InvalidPageError when the token is forged */
export function memberOfPage(page: string | undefined): string {
  if (page === undefined) return '';
  const [, id] = /^\d{13}_(.+)$/.exec(page) ?? [];
  if (id === undefined || !isRunId(id)) throw new InvalidPageError('page must be next_page of the page before');
  return page;
}

/** Anything else must not become part of the name of a key. */
export function isRunId(id: string): boolean {
  return runId.safeParse(id).success;
}
