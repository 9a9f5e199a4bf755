// Programs that misbehave in every way the CLI could, and what is left of it.
import { chmod, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fakeClaude, temporaryDirectory, waitFor } from '@runyard/testing';
import type { FakeClaude, TemporaryDirectory } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startClaude } from './claude-process.js';
import type { StartClaude } from './claude-process.js';
import { sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';

const MARK = `claude-process-spec-${process.pid}`;
const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, [RUN_MARK_ENV]: MARK };
const HELLO = { type: 'user', uuid: 'u', message: { role: 'user', content: 'hello' } };
let directory: TemporaryDirectory;

beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => sweep(MARK));
afterAll(() => directory.remove());

function start(bin: string, more: Partial<StartClaude> = {}) {
  const lines: Buffer[] = [];
  const kinds: string[] = [];
  const errors: string[] = [];
  const claude = startClaude({
    bin,
    args: [],
    env,
    cwd: directory.path,
    onLine: (line, peek) => {
      lines.push(line);
      kinds.push(peek.kind === 'garbage' ? 'garbage' : peek.type);
    },
    onStderr: (text) => void errors.push(text),
    ...more,
  });
  return { claude, lines, kinds, errors };
}

const startFake = (name: FakeClaude, more: Partial<StartClaude> = {}) => start(fakeClaude(name), more);

async function script(name: string, body: string): Promise<string> {
  const path = join(directory.path, name);
  await writeFile(path, `#!${process.execPath}\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('a process that behaves', () => {
  test('gets messages, gives lines, ends when its input ends', async () => {
    const { claude, kinds, lines } = startFake('answers-plainly');
    expect(await claude.send(HELLO)).toBe(true);
    await waitFor(() => kinds.includes('command_lifecycle'), { what: 'the answer' });
    claude.closeInput();
    expect(await claude.exited).toEqual({ code: 0, signal: null });
    expect(kinds).toEqual(['system', 'assistant', 'result', 'command_lifecycle']);
    expect(String(lines[1])).toContain('hello');
    expect(await claude.send(HELLO)).toBe(false);
    expect([claude.kill('SIGTERM'), await claude.interrupt()]).toEqual([false, false]);
  });

  test('control requests find their answers, and an answer that does not come is no answer', async () => {
    const { claude } = startFake('answers-plainly');
    expect(await claude.interrupt(20_000)).toBe(true);
    expect(await claude.control({ subtype: 'mcp_status' }, 20_000)).toEqual({ ok: true, response: {} });
    claude.closeInput();
    await claude.exited;
    const deaf = startFake('never-speaks').claude;
    expect(await deaf.interrupt(50)).toBe(false);
    const asked = deaf.interrupt(600_000);
    deaf.kill('SIGKILL');
    expect(await asked, 'the death of the process answers').toBe(false);
  });
});

describe('what keeps a process from starting is a value', () => {
  test('no program', async () => {
    const { claude } = start(join(directory.path, 'nothing-here'));
    expect(await claude.send(HELLO)).toBe(false);
    expect(await claude.exited).toMatchObject({ code: null, signal: null, spawnError: { code: 'ENOENT', missing: 'binary' } });
    expect(claude.pid).toBeUndefined();
  });

  test('no working directory', async () => {
    const { claude } = startFake('answers-plainly', { cwd: join(directory.path, 'gone') });
    expect(await claude.exited).toMatchObject({ spawnError: { code: 'ENOENT', missing: 'directory' } });
  });

  test('no right to execute', async () => {
    const path = join(directory.path, 'plain-file');
    await writeFile(path, 'text', { mode: 0o644 });
    expect(await start(path).claude.exited).toMatchObject({ spawnError: { code: 'EACCES' } });
  });

  test('an argument over 128 KiB, and one with NUL', async () => {
    const long = startFake('answers-plainly', { args: ['x'.repeat(200_000)] }).claude;
    expect(await long.exited).toMatchObject({ spawnError: { code: 'E2BIG' } });
    expect([await long.send(HELLO), long.kill('SIGKILL'), long.stderrTail()]).toEqual([false, false, '']);
    expect(await startFake('answers-plainly', { args: ['a\0b'] }).claude.exited).toMatchObject({ spawnError: { code: 'ERR_INVALID_ARG_VALUE' } });
  });
});

describe('output of every kind', () => {
  test('garbage between messages, an unknown type, a torn last line; empty lines are dropped', async () => {
    const { claude, kinds, lines } = startFake('prints-garbage');
    await claude.send(HELLO);
    claude.closeInput();
    expect(await claude.exited).toMatchObject({ code: 0 });
    expect(kinds).toEqual(['garbage', 'garbage', 'garbage', 'garbage', 'garbage', 'garbage', 'system', 'a_type_of_tomorrow', 'result', 'garbage']);
    expect(lines[5]).toEqual(Buffer.from([0xff, 0xfe]));
    expect(String(lines.at(-1))).toBe('{"type":"assistant","message":{"con');
  });

  test('a line of 50 MB', async () => {
    const { claude, kinds, lines } = startFake('prints-a-huge-line');
    await claude.send(HELLO);
    claude.closeInput();
    await claude.exited;
    expect(kinds).toEqual(['system', 'assistant', 'result']);
    expect(lines[1]?.length).toBeGreaterThan(50_000_000);
  });

  test('nothing at all', async () => {
    const { claude, lines } = startFake('exits-without-output');
    expect(await claude.exited).toEqual({ code: 0, signal: null });
    expect(lines).toEqual([]);
    expect(await claude.send(HELLO)).toBe(false);
  });

  test('stderr: whole lines although a character comes in two pieces, and a bounded tail', async () => {
    const program = await script(
      'talks-on-stderr',
      `process.stderr.write(Buffer.from([0x67,0xc3])); setTimeout(() => { process.stderr.write(Buffer.from([0xbc,0x0a,0x72])); process.stderr.write('est'); }, 20);`,
    );
    const { claude, errors } = start(program);
    await claude.exited;
    expect(errors).toEqual(['gü\n', 'rest']);
    expect(claude.stderrTail()).toBe('gü\nrest');
    const flood = await script('floods-stderr', `process.stderr.write('x'.repeat(1_000_000)); process.stderr.write('\\nlast line\\n');`);
    const flooded = start(flood).claude;
    await flooded.exited;
    expect(flooded.stderrTail().length).toBe(64 * 1024);
    expect(flooded.stderrTail()).toMatch(/x\nlast line\n$/);
  });
});

describe('a slow consumer', () => {
  test('holds the process back instead of filling memory, and still gets everything', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let count = 0;
    const { claude } = startFake('floods-its-output', {
      onLine: () => {
        count += 1;
        return count === 1_000 ? gate : undefined;
      },
    });
    await claude.send(HELLO);
    claude.closeInput();
    await waitFor(() => count === 1_000, { what: 'the first thousand lines' });
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 1_000; turn += 1) await nextTurn();
    expect(count, 'nothing is delivered while the consumer is busy').toBe(1_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    open();
    expect(await claude.exited).toMatchObject({ code: 0 });
    expect(count).toBe(200_002);
  });

  test('that throws ends the process and shows in exited', async () => {
    const { claude } = startFake('stops-in-the-middle', {
      onLine: () => {
        throw new Error('a bug of the consumer');
      },
    });
    await claude.send(HELLO);
    await expect(claude.exited).rejects.toThrow('a bug of the consumer');
    expect(await claude.ended).toMatchObject({ signal: 'SIGKILL' });
  });
});

describe('ends that are none', () => {
  test('a grandchild that holds stdout does not hold the exit', async () => {
    const { claude, kinds } = startFake('leaves-a-child-with-stdout', { drainGraceMs: 200 });
    await claude.send(HELLO);
    claude.closeInput();
    expect(await claude.exited).toEqual({ code: 0, signal: null });
    expect(kinds).toEqual(['system', 'result']);
    expect((await sweep(MARK)).killed, 'the grandchild was still there').toHaveLength(1);
  });

  test('stdout closed is no exit', async () => {
    const { claude, kinds } = startFake('closes-stdout-and-stays');
    await claude.send(HELLO);
    claude.closeInput();
    await waitFor(() => kinds.includes('result'), { what: 'the result' });
    const early = await Promise.race([claude.exited, sleep(300, 'still there')]);
    expect(early).toBe('still there');
    claude.kill('SIGKILL');
    expect(await claude.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a process that reads nothing: send waits, and is answered when it dies', async () => {
    // A child has the other end of the pipe too, so it stays open when the process dies.
    const keeper = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], { stdio: ['inherit', 'ignore', 'ignore'], detached: true });`;
    const program = await script('reads-nothing', `${keeper} setInterval(() => undefined, 1e6); process.stdout.write("up\\n");`);
    const { claude, kinds } = start(program);
    await waitFor(() => kinds.length > 0, { what: 'the start' });
    let settled = false;
    const sent = claude.send({ type: 'user', message: 'x'.repeat(4_000_000) }).finally(() => {
      settled = true;
    });
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
    expect(settled, 'no pipe holds 4 MB').toBe(false);
    claude.kill('SIGKILL');
    expect(await sent).toBe(false);
  });

  test('death by a signal', async () => {
    const { claude, kinds } = startFake('kills-itself');
    await claude.send(HELLO);
    expect(await claude.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(kinds).toEqual(['system']);
  });
});
