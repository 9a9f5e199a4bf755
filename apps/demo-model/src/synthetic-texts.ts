// Texts the CLI writes into user messages by itself: they go on with a scenario, a person's words would end it.

/** Asks for structured output that a run's schema demands. */
export const SCHEMA_ENFORCEMENT = '[structured-output-enforce]';

// Found in claude 2.1.330; look again when the pinned version changes.
const beginnings = [
  SCHEMA_ENFORCEMENT,
  '[Request interrupted',
  '[SYSTEM NOTIFICATION',
  '[Your previous response had no visible output',
  '<task-notification>',
  '<command-',
  '<local-command-',
  'Continue from where you left off.',
  'Output token limit hit',
  'Stop hook blocking error',
  'Stop hook feedback',
  'The PermissionDenied hook indicated',
  'The previous response failed to produce',
  'The turn did not end:',
  'Your response above was stopped by a safety classifier',
  'Your response was cut off because it exceeded the output token limit',
];

const opening = '<system-reminder>';
const closing = '</system-reminder>';

/** What is left of a text without the CLI's reminders; empty when it was nothing but reminders. */
export function withoutReminders(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf(opening, at);
    const end = start < 0 ? -1 : text.indexOf(closing, start);
    if (end < 0) return [...kept, text.slice(at)].join('').trim();
    kept.push(text.slice(at, start));
    at = end + closing.length;
  }
}

/** `text` without reminders comes from the CLI, not from a person. */
export function isSynthetic(text: string): boolean {
  return beginnings.some((beginning) => text.startsWith(beginning));
}
