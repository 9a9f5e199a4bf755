#!/usr/bin/env node
// Its prompt is `<file> [lines]`: a tool in a session of its own appends `<mark> <ms since 1970>` every 100 ms; says its result after so many lines, if ever.
import { spawn } from 'node:child_process';
import { listen, say, sayInit, sayResult, stayForEver } from './speaks-like-claude.mjs';

const TOOL = `
use Time::HiRes qw(time sleep);
my ($file, $lines) = @ARGV;
$SIG{TERM} = $SIG{HUP} = $SIG{INT} = 'IGNORE';
for (my $n = 0; !$lines || $n < $lines; $n++) {
  open(my $ledger, '>>', $file); printf $ledger "%s %d\\n", $ENV{RUNYARD_RUN_MARK}, time * 1000; close($ledger);
  sleep 0.1;
}
`;

listen((message) => {
  if (message.type === 'control_request') say({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id, response: {} } });
  if (message.type !== 'user') return;
  const { content } = message.message;
  const text = typeof content === 'string' ? content : content[0].text;
  const [file, lines = '0'] = text.split(' ');
  sayInit();
  const tool = spawn('perl', ['-e', TOOL, file, lines], { detached: true, stdio: 'ignore' });
  // Something to forward all the time.
  const words = setInterval(() => say({ type: 'stream_event', event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'word ' } } }), 100);
  tool.on('exit', () => {
    clearInterval(words);
    sayResult('written');
    process.stdin.destroy();
    process.exitCode = 0;
    setImmediate(() => process.exit());
  });
});
stayForEver();
