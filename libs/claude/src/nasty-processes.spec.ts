// What a run may leave behind on purpose or by accident, started by the tools and the servers of the real CLI: nothing of it survives.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, processesWithMark, startDemoModel, stdioMcpServer, temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resolveClaudeBinary } from './claude-binary.js';
import type { ClaudeProcess } from './claude-process.js';
import { sweep } from './process-tree.js';
import { driveClaude, requireBinary } from './spec-support/drive-claude.js';
import { stopClaude } from './stop-ladder.js';

const bin = requireBinary(resolveClaudeBinary());
const MARK = `nasty-processes-spec-${process.pid}`;
const TIMEOUT = { timeout: 120_000 };
let model: TestDemoModel;
let directory: TemporaryDirectory;

beforeAll(async () => {
  [model, directory] = await Promise.all([startDemoModel(), temporaryDirectory()]);
});
afterEach(async () => {
  await sweep(MARK);
});
afterAll(async () => {
  await model.stop();
  await directory.remove();
});

/** A daemon in the classic way: its parents are gone before anybody looks. */
const DAEMON = `use POSIX; fork and exit; POSIX::setsid(); fork and exit; $SIG{$_} = "IGNORE" for qw(TERM INT HUP); open F, ">daemon"; close F; sleep 300;`;
const server = (port: number) => `require("http").createServer((_, r) => r.end()).listen(${port}, "127.0.0.1", () => require("fs").writeFileSync("server", ""))`;
const nasty = (port: number) => `
exec >/dev/null 2>&1 </dev/null
setsid perl -e 'sleep 300' &
nohup perl -e 'sleep 300' &
perl -e '${DAEMON}'
bash -c "trap '' TERM INT HUP; touch trap; while :; do perl -e 'sleep 1'; done" &
node -e '${server(port)}' &
`;

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

type End = (claude: ClaudeProcess) => unknown;
const ENDS: readonly (readonly [how: string, stay: string, end: End])[] = [
  ['ends by itself', '', () => undefined],
  ['is stopped', `perl -e 'sleep 300'`, (claude) => stopClaude(claude, { mark: MARK, interruptMs: 20_000, terminateMs: 20_000 })],
  ['is stopped the hard way', `trap '' TERM INT; perl -e 'sleep 300'`, (claude) => stopClaude(claude, { mark: MARK, interruptMs: 1, terminateMs: 1 })],
  ['is killed by somebody else', `perl -e 'sleep 300'`, (claude) => claude.kill('SIGKILL')],
];

test.each(ENDS)('a run that %s leaves no daemon, no server and nobody who ignores signals', TIMEOUT, async (_, stay, end) => {
  const place = join(directory.path, randomUUID());
  const workspace = join(place, 'workspace');
  const port = await freePort();
  mkdirSync(workspace, { recursive: true });
  writeFileSync(join(workspace, 'nasty.sh'), nasty(port));
  const isUp = () => ['daemon', 'trap', 'server'].every((name) => existsSync(join(workspace, name)));
  let most = 0;
  let ending: Promise<unknown> | undefined;
  const work = async (claude: ClaudeProcess) => {
    await waitFor(isUp, { what: 'all of them', timeoutMs: 60_000 });
    most = (await processesWithMark(MARK)).length;
    writeFileSync(join(workspace, 'counted'), '');
    await end(claude);
  };
  // The command itself waits, so that the run cannot be over before they are there and counted.
  const command = `bash nasty.sh; until test -e counted; do perl -e 'select undef, undef, undef, 0.05'; done; ${stay}`;
  await driveClaude({
    bin,
    modelUrl: model.url,
    directory: place,
    prompt: `[[bash cmd="${command.replaceAll('"', '\\"')}"]]`,
    mark: MARK,
    spec: { allowedTools: ['Bash'] },
    gate: (__, claude) => {
      ending = work(claude);
      // The run ends also when they never came; the error is thrown where the end is awaited.
      ending.catch(() => claude.kill('SIGKILL'));
      return true;
    },
  });
  await ending;
  expect(most, 'they were there').toBeGreaterThanOrEqual(6);
  expect(await processesWithMark(MARK)).toEqual([]);
  expect(await listens(port)).toBe(false);
});

test('an MCP server that stays, and what it has started, are gone with the run', TIMEOUT, async () => {
  const place = join(directory.path, randomUUID());
  mkdirSync(place, { recursive: true });
  const mcpConfigFile = join(place, 'mcp.json');
  writeFileSync(mcpConfigFile, JSON.stringify({ mcpServers: { notes: { command: process.execPath, args: [stdioMcpServer, 'stays'] } } }));
  const script = { rounds: [{ blocks: [{ tool: 'mcp__notes__leave', input: {} }] }, { blocks: [{ text: 'end' }] }] };
  const driven = await driveClaude({
    bin,
    modelUrl: model.url,
    directory: place,
    prompt: `[[script ${JSON.stringify(script)}]]`,
    mark: MARK,
    spec: { allowedTools: ['mcp__notes'], mcpConfigFile },
  });
  expect(JSON.stringify(driven.messages), 'it has left a process').toMatch(/left \d+/);
  expect(driven.outcome.status).toBe('succeeded');
  expect(await processesWithMark(MARK)).toEqual([]);
});
