// Row 6: tools that leave processes behind in every way there is. When their run is over, however it ended, nothing of them is left.
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { waitFor } from '@runyard/testing';
import { withLeftFiles } from '../left-files.ts';
import { broken } from '../row.ts';
import type { CaseResult, Row } from '../row.ts';
import { bash, say, script } from '../prompts.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Stand } from '../stand.ts';
import { WatchedRun } from '../watched-run.ts';

const KINDS = ['setsid', 'nohup', 'double fork', 'port', 'trap', 'storm'] as const;
const ENDINGS = ['by itself', 'canceled', 'worker killed'] as const;

export const processTrees: Row = { number: 6, title: 'nasty process trees', together: 9, ci: 18, perform };

interface Cell {
  readonly seed: number;
  readonly kind: (typeof KINDS)[number];
  readonly ending: (typeof ENDINGS)[number];
  /** Of the kind `port`: where its server writes its port. */
  readonly portFile: string;
  readonly run: WatchedRun;
}

async function perform(seeds: readonly number[]): Promise<CaseResult[]> {
  const stand = await Stand.open(1);
  try {
    const worker = () => stand.addWorker({ RUNYARD_CAPACITY: '8' }, { restarts: true });
    await Promise.all([worker(), worker()]);
    const cells = await Promise.all(seeds.map((seed) => submit(stand, seed)));
    // A worker that is killed takes all its runs with it: each has had its effect before the first one dies.
    await Promise.allSettled(cells.map(({ run }) => run.effects(1)));
    const results = await Promise.all(cells.map((cell) => leaveBehind(stand, cell).catch((error: unknown) => broken(cell.seed, error))));
    return await withLeftFiles(stand, results);
  } finally {
    await stand.close();
  }
}

async function submit(stand: Stand, seed: number): Promise<Cell> {
  const random = new SeededRandom(seed, 'trees');
  const kind = KINDS[(seed - 1) % KINDS.length] ?? 'setsid';
  const ending = ENDINGS[Math.floor((seed - 1) / KINDS.length) % ENDINGS.length] ?? 'by itself';
  const portFile = join(stand.dir, `port-${seed}`);
  const stays = ending === 'by itself' ? '' : '; sleep 240';
  const run = await WatchedRun.submit(stand, random, { prompt: script(bash(`${commandOf(kind, portFile)}\n${stand.ledger.write('effect')}${stays}`), say(2)), recovery: 'never' });
  return { seed, kind, ending, portFile, run };
}

async function leaveBehind(stand: Stand, { seed, kind, ending, portFile, run }: Cell): Promise<CaseResult> {
  if (kind === 'port') await waitFor(async () => (await listens(portFile)) || ((await run.view())?.ended_at ?? null) !== null, { what: 'the server of the tool', timeoutMs: 60_000 });
  if (ending === 'canceled') await run.cancel();
  if (ending === 'worker killed') await endWithWorker(stand, run);
  const leftovers = async (): Promise<string[]> => ((await listens(portFile)) ? ['the server of the tool'] : []);
  const ends = ending === 'by itself' ? ['succeeded', 'failed:worker_lost'] : ['canceled', 'failed:worker_lost'];
  const { end, violations } = await run.judge({ ends, lines: { effect: { from: 1, to: 1 } } }, { leftovers });
  return { seed, note: `${kind}, ${ending}: ${end}`, violations };
}

/** The other runs of this worker are lost with it. */
async function endWithWorker(stand: Stand, run: WatchedRun): Promise<void> {
  const { worker_id } = await run.until('claimed', (view) => view.worker_id !== null);
  await stand.workerWith(worker_id)?.kill();
}

function commandOf(kind: (typeof KINDS)[number], portFile: string): string {
  switch (kind) {
    case 'setsid':
      return 'setsid sleep 300 >/dev/null 2>&1 &';
    case 'nohup':
      return 'nohup sleep 301 >/dev/null 2>&1 &';
    case 'double fork':
      return '( ( setsid sleep 302 >/dev/null 2>&1 & ) & )';
    case 'port':
      return `setsid node -e "require('net').createServer((socket) => socket.end('${portFile}')).listen(0, '127.0.0.1', function () { require('fs').writeFileSync('${portFile}', String(this.address().port)); })" >/dev/null 2>&1 &`;
    case 'trap':
      return `setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' >/dev/null 2>&1 &`;
    case 'storm':
      return 'for i in 1 2 3 4 5 6 7 8; do ( setsid sh -c "sleep 303 & sleep 304" >/dev/null 2>&1 & ) ; done';
  }
}

/** Whether the server that wrote this file still answers; somebody else may have its port by then. */
async function listens(portFile: string): Promise<boolean> {
  const port = Number(await readFile(portFile, 'utf8').catch(() => ''));
  if (!(port > 0)) return false;
  return new Promise((resolve) => {
    let said = '';
    const socket = createConnection(port, '127.0.0.1');
    socket.setEncoding('utf8').on('data', (text: string) => (said += text));
    socket.on('error', () => resolve(false)).on('close', () => resolve(said === portFile));
    socket.setTimeout(2000, () => socket.destroy());
  });
}
