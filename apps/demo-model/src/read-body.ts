// Reads the body of a request up to a limit.
import type { IncomingMessage } from 'node:http';

export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * The whole body, or `too_large`. A body beyond `limit` bytes is read to its end and thrown away, so that the client,
 * which reads the answer only after it has written everything, gets to see it. Rejects when the client leaves.
 */
export async function readBody(request: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Buffer | 'too_large'> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    length += bytes.length;
    if (length <= limit) chunks.push(bytes);
    else chunks = [];
  }
  return length <= limit ? Buffer.concat(chunks) : 'too_large';
}
