// I3: what viewers saw, compared with each other and with the log.
import type { Evidence, SeenEvent, Viewer } from './evidence.ts';
import type { Violation } from './checker.ts';

const DELTA = 'claude.stream_event';

/** Violations of I3, a few of each kind at most. */
export function streamViolations({ viewers, log, run }: Evidence): Violation[] {
  const what: string[] = [...orderProblems(log, 'the log')];
  const known = new Map<string, string>();
  for (const event of log) known.set(event.id, event.text);
  const endedAt = run?.ended_at ?? null;
  const endedAtMs = endedAt === null ? Infinity : Date.parse(endedAt);
  for (const [index, viewer] of viewers.entries()) {
    const name = `viewer ${index + 1}`;
    const seen = viewer.connections.flatMap((connection) => connection.events);
    what.push(...orderProblems(seen, name), ...endProblems(viewer, seen, name), ...differences(seen, log, name));
    for (const connection of viewer.connections) if (connection.openedAtMs < endedAtMs) what.push(...gaps(connection.events, name));
    for (const event of seen) {
      const other = known.get(event.id);
      if (other === undefined) known.set(event.id, event.text);
      else if (other !== event.text) what.push(`${name}: event ${event.id} differs from what somebody else saw`);
    }
  }
  return what.slice(0, 10).map((text) => ({ invariant: 'I3', what: text }));
}

/** `<attempt>-<seq>` as numbers. */
function place({ id }: SeenEvent): { readonly attempt: number; readonly seq: number } {
  const [attempt, seq] = id.split('-').map(Number);
  return { attempt: attempt ?? Number.NaN, seq: seq ?? Number.NaN };
}

function orderProblems(events: readonly SeenEvent[], name: string): string[] {
  const found: string[] = [];
  for (const [index, event] of events.entries()) {
    const before = index > 0 ? events[index - 1] : undefined;
    if (before === undefined) continue;
    const [one, two] = [place(before), place(event)];
    if (!(two.seq > one.seq && two.attempt >= one.attempt)) found.push(`${name}: ${event.id} follows ${before.id}`);
  }
  return found.slice(0, 3);
}

function endProblems(viewer: Viewer, seen: readonly SeenEvent[], name: string): string[] {
  const found: string[] = [];
  const endings = seen.filter((event) => event.type === 'run.finished').length;
  if (endings !== 1) found.push(`${name}: ${endings} terminal events`);
  else if (seen.at(-1)?.type !== 'run.finished') found.push(`${name}: ${seen.at(-1)?.id} came after the terminal event`);
  if (viewer.resets > 0) found.push(`${name}: history was gone ${viewer.resets} times`);
  if (!viewer.ended) found.push(`${name}: its stream never ended`);
  return found;
}

/** While the run lives its stream is dense: every number from the first to the last of a connection. */
function gaps(events: readonly SeenEvent[], name: string): string[] {
  const found: string[] = [];
  for (const [index, event] of events.entries()) {
    const before = index > 0 ? events[index - 1] : undefined;
    if (before !== undefined && place(event).seq > place(before).seq + 1) found.push(`${name}: nothing between ${before.id} and ${event.id}`);
  }
  return found.slice(0, 3);
}

/** Apart from partial text, which finished logs leave out, a viewer saw the log. */
function differences(seen: readonly SeenEvent[], log: readonly SeenEvent[], name: string): string[] {
  const lasting = seen.filter((event) => event.type !== DELTA);
  const wanted = log.filter((event) => event.type !== DELTA);
  const at = wanted.findIndex((event, index) => lasting[index]?.text !== event.text);
  if (at >= 0) return [`${name}: saw ${lasting[at]?.id ?? 'nothing'} where the log has ${wanted[at]?.id} ${wanted[at]?.type}`];
  if (lasting.length > wanted.length) return [`${name}: saw ${lasting[wanted.length]?.id}, which is not in the log`];
  return [];
}
