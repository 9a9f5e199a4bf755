// The id of the run of a slot: always the same, so that a slot cannot make two runs whoever asks and however often.
import { createHash } from 'node:crypto';
import { newId } from '@runyard/domain';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_LENGTH = 16;

/** A run id whose time is the slot's and whose other half comes from the schedule and the slot instead of chance. */
export function slotRunId(scheduleId: string, dueMs: number): string {
  const digest = createHash('sha256').update(`slot:${scheduleId}:${dueMs}`).digest();
  const text = Array.from(digest.subarray(0, RANDOM_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return newId('run', dueMs).slice(0, -RANDOM_LENGTH) + text;
}
