// What the fake claude programs have in common: the stream-json dialect, and an answer to --version.
import { createInterface } from 'node:readline';

export const SESSION = '00000000-0000-4000-8000-00000000fa4e';

if (process.argv.includes('--version')) {
  process.stdout.write('0.0.1 (Fake Claude)\n');
  process.exit(0);
}

/** Prints one message of the protocol. */
export function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

export function sayInit() {
  say({ type: 'system', subtype: 'init', session_id: SESSION, model: 'fake', permissionMode: 'default', cwd: process.cwd(), tools: [] });
}

/** A result with its type at the end, as the real one has it. */
export function sayResult(text = 'done', more = {}) {
  say({ is_error: false, result: text, session_id: SESSION, total_cost_usd: 0, num_turns: 1, usage: {}, subtype: 'success', ...more, type: 'result' });
}

/** Calls `onMessage` for each message on stdin but the `initialize` before the first, and `onEnd` at its end. */
export function listen(onMessage, onEnd = () => undefined) {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if (message.request?.subtype !== 'initialize') onMessage(message);
  });
  lines.on('close', onEnd);
}

/** Keeps the process alive without doing anything. */
export function stayForEver() {
  setInterval(() => undefined, 1_000_000);
}
