// Colours, where the stream shows them: a terminal, NO_COLOR and FORCE_COLOR decide.
import { styleText } from 'node:util';

export type Format = Parameters<typeof styleText>[0];
/** Adds a format to a text of one line, or leaves it as it is. */
export type Paint = (format: Format, text: string) => string;

/** Paints for one stream. */
export function painter(stream: NodeJS.WritableStream): Paint {
  return (format, text) => styleText(format, text, { stream });
}

export const plain: Paint = (_, text) => text;

const STATUS_FORMAT: Readonly<Record<string, Format>> = {
  queued: 'yellow',
  running: 'cyan',
  waiting: 'magenta',
  succeeded: 'green',
  failed: 'red',
  canceled: 'gray',
};

/** A run's state in its colour. */
export function paintStatus(paint: Paint, status: string, text = status): string {
  const format = STATUS_FORMAT[status];
  return format === undefined ? text : paint(format, text);
}
