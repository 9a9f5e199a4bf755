// Where all the logs of the stack come together: one stream, readable or raw.
import type { OutputStream } from '../context.js';
import { painter } from '../style.js';
import { renderLogLine } from './log-lines.js';

export interface LogSink {
  /** Takes one line of a service, without its newline. */
  line(service: string, line: string): void;
}

/** `json`: lines that are JSON pass unchanged, others become `{level, name, msg}`, so that every line is JSON. */
export function createLogSink(stream: OutputStream, { json }: { json: boolean }): LogSink {
  const paint = painter(stream);
  const write = json ? rawLine : (service: string, line: string): string | undefined => renderLogLine(service, line, new Date(), paint);
  return {
    line(service, line) {
      const text = line.trim() === '' ? undefined : write(service, line);
      if (text !== undefined) stream.write(`${text}\n`);
    },
  };
}

function rawLine(service: string, line: string): string {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === 'object' && record !== null) return line;
  } catch {
    // a line of somebody who does not log in JSON
  }
  return JSON.stringify({ level: 'info', time: new Date().toISOString(), name: service, msg: line });
}
