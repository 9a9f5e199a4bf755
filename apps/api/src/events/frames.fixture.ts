// Reads server-sent events as a client does.
import type { IncomingMessage } from 'node:http';

export interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Frames that have an id; comments and `retry` are added to `others`. */
export async function* frames(response: IncomingMessage, others: string[] = []): AsyncGenerator<Frame> {
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const blocks = `${rest}${chunk}`.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const match = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block);
      if (match) yield { id: match[1] ?? '', event: match[2] ?? '', data: match[3] ?? '' };
      else others.push(block);
    }
  }
  if (rest !== '') others.push(rest);
}
