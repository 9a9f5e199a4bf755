// A small process between us and the Redis server: it ends the server when its standard input closes, that is, when we are gone.
// Usage: redis-guard <program> [arguments]. Imports only Node's own modules, so that it also runs from source.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

// Redis writes its append-only file out before it ends; longer than this it hangs.
const GRACE_MS = 10_000;

const [program, ...args] = process.argv.slice(2);
if (program === undefined) throw new Error('usage: redis-guard <program> [arguments]');

const server = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let ending = false;

function end(): void {
  if (ending) return;
  ending = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), GRACE_MS);
}

server.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
server.once('exit', (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
process.stdin.once('end', end);
process.stdin.once('error', end);
process.stdin.resume();
