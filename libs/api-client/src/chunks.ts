// The bytes of a streamed answer, piece by piece, with an eye on connections that fell silent.
import { reasonOf, ServerUnreachable } from './api-errors.js';

/**
 * The body as it arrives. Leaving the loop cancels the rest.
 * @throws ServerUnreachable when the connection is cut, or when nothing came for `silenceMs` while we were reading
 */
export async function* readChunks(response: Response, silenceMs: number): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, silenceMs);
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw new ServerUnreachable(originOf(response), reasonOf(error), { cause: error });
  } finally {
    // On a connection that is cut already this rejects; there is nothing left to cancel then.
    await reader.cancel().catch(() => undefined);
  }
}

async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, silenceMs: number): ReturnType<typeof reader.read> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`silent for ${Math.round(silenceMs / 1000)} s`)), silenceMs);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

function originOf(response: Response): string {
  return URL.canParse(response.url) ? new URL(response.url).origin : response.url;
}
