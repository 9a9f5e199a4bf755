// What worker and warden say to each other: one JSON object per line, over the warden's stdin and stdout.

/** A run's processes are found by their mark, so the mark is known before the first of them exists. */
export type AboutMark =
  /** Watch everything with this mark; `directories` are removed if the worker vanishes. */
  | { readonly type: 'watch'; readonly mark: string; readonly deadlineAtMs: number; readonly directories: readonly string[] }
  /** The root of the marked tree. */
  | { readonly type: 'process'; readonly mark: string; readonly pid: number }
  /** The lease was confirmed: it may live until then, on the machine's monotonic clock. */
  | { readonly type: 'renew'; readonly mark: string; readonly deadlineAtMs: number }
  /** The run is over and nothing of it is left. */
  | { readonly type: 'release'; readonly mark: string };

export type ToWarden =
  | AboutMark
  /** Asked every second: one that does not answer is replaced. */
  | { readonly type: 'ping' };

export type FromWarden =
  /** The mark is being watched. */
  | { readonly type: 'watching'; readonly mark: string }
  /** The deadline passed, or the worker vanished: these processes were ended. */
  | { readonly type: 'ended'; readonly mark: string; readonly pids: readonly number[] }
  /** Everything that was said before the ping has been taken. */
  | { readonly type: 'pong' };

/** One line for the pipe. */
export function encodeLine(message: ToWarden | FromWarden): string {
  return `${JSON.stringify(message)}\n`;
}

/** Messages from a pipe, whatever way its chunks are cut. The other end is our own code: anything else is a defect. */
export async function* decodeLines<Message>(chunks: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Message;
  }
}
