// Crash points: which line is which, and that exactly the armed one ends the process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { pointsOf } from './crash-points.js';

const MODULE = fileURLToPath(new URL('../dist/crash-points.js', import.meta.url));

/** Passes K0 and K1 of a run in a process of its own; tells where it got to. */
async function passes(setting: string | undefined, runId: string, attempt: number): Promise<string> {
  const code = `const { armCrashPoints, crashPoint } = await import(${JSON.stringify(MODULE)});
    armCrashPoints(${setting === undefined ? 'undefined' : JSON.stringify(setting)});
    for (const point of ['K0', 'K1']) { process.stdout.write(point + ' '); crashPoint(point, ${JSON.stringify(runId)}, ${attempt}); }
    process.stdout.write('alive');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return `${output.trim()}${signal === null ? '' : ` ${signal}`}`;
}

test('only the armed point of the armed run ends the process, and only in its first attempt', async () => {
  expect(await passes(undefined, 'run_a', 1)).toBe('K0 K1 alive');
  expect(await passes('K1:run_a', 'run_a', 1)).toBe('K0 K1 SIGKILL');
  expect(await passes('K3:run_z,K0:run_a', 'run_a', 1)).toBe('K0 SIGKILL');
  expect(await passes('K1:run_a', 'run_b', 1)).toBe('K0 K1 alive');
  expect(await passes('K1:run_a', 'run_a', 2)).toBe('K0 K1 alive');
  expect(await passes('K1:run_a*', 'run_a', 2)).toBe('K0 K1 SIGKILL');
  expect(await passes('K1:run_ab', 'run_a', 1)).toBe('K0 K1 alive');
});

test('a file names runs, and one that is not there names none', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const path = join(directory.path, 'armed');
  expect(await passes(`@${path}`, 'run_a', 1)).toBe('K0 K1 alive');
  await writeFile(path, 'K0:run_b\nK1:run_a\n');
  expect(await passes(`@${path}`, 'run_a', 1)).toBe('K0 K1 SIGKILL');
});

test('the lines of a run with one tool reach K2 to K6 in order', () => {
  const state = { toolResults: 0 };
  const lines: [string, string][] = [
    ['system', '{"type":"system","subtype":"init"}'],
    ['stream_event', '{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta"}}}'],
    ['assistant', '{"type":"assistant","message":{"content":[{"type":"tool_use"}]}}'],
    ['control_request', '{"type":"control_request","request":{"subtype":"hook_callback"}}'],
    ['control_request', '{"type":"control_request","request":{"subtype":"can_use_tool"}}'],
    ['user', '{"type":"user","message":{"content":"text"}}'],
    ['user', '{"type":"user","message":{"content":[{"type":"tool_result"}]}}'],
    ['stream_event', '{"type":"stream_event","event":{"type":"message_start"}}'],
    ['stream_event', '{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta"}}}'],
    ['result', '{"type":"result"}'],
  ];
  expect(lines.map(([type, line]) => pointsOf(Buffer.from(line), type, state).join())).toEqual(['', 'K2', '', 'K3', '', '', 'K4', 'K5', 'K5,K6', '']);
});
