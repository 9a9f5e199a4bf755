// A shell script whose processes try everything to outlive whoever started them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIES_LATE = `perl -e 'sleep 600'`;
const SCRIPT = `#!/bin/sh
# $1: a port to listen on, $2: a file for the pid of the one without environment
exec >/dev/null 2>&1 </dev/null
(setsid ${DIES_LATE} &)
nohup ${DIES_LATE} &
# Twice forked: its parent and its grandparent are gone.
perl -e 'fork and exit; setpgrp(0, 0); fork and exit; sleep 600' &
perl -e '$SIG{$_} = "IGNORE" for qw(TERM HUP INT); sleep 600 while 1' &
perl -MIO::Socket::INET -e '$SIG{TERM} = "IGNORE"; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die; sleep 600 while 1' "$1" &
env -i perl -e 'open(my $f, ">", "$ARGV[0].new"); print $f $$; close($f); rename("$ARGV[0].new", $ARGV[0]); sleep 600' "$2" &
until [ -s "$2" ] && perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])' "$1"; do sleep 0.1; done
`;

/** Writes the script into a directory and returns its path: `sh <path> <port> <pid file>` returns when all of them are at work. */
export async function nastyTools(directory: string): Promise<string> {
  const path = join(directory, 'nasty-tools.sh');
  await writeFile(path, SCRIPT);
  return path;
}
