// What a resumed conversation is told about the process that was cut off. Pure.
import type { RunFacts } from './run-facts.js';
import { describeTool, shorten } from './tool-description.js';
import type { ReleasedTool } from './used-tools.js';

export interface ReconciliationInput {
  /** `lost`: the worker vanished. `handed_over`: it was shut down in order. `upstream`: the provider was in trouble. `decision`: somebody looked and said: go on. */
  readonly why: 'lost' | 'handed_over' | 'upstream' | 'decision';
  /** When the process ended or was last heard of, ISO 8601. */
  readonly atIso: string;
  /** Of the attempt that was cut off. */
  readonly facts: RunFacts;
}

const REASONS: Readonly<Record<ReconciliationInput['why'], string>> = {
  lost: 'the machine or service that ran it failed',
  handed_over: 'the machine that ran it was shut down for maintenance, and another one has taken over',
  upstream: 'the model provider could not answer for a while',
  decision: 'the machine or service that ran it failed; somebody has looked at it since and decided that the work goes on from here',
};
const MAX_BYTES = 8 * 1024;
const MAX_INPUT_BYTES = 2 * 1024;
/** Of all inputs together: the rest of the note has room beside it. */
const ALL_INPUTS_BYTES = 4 * 1024;
const MAX_TOOLS = 6;

/**
 * English text of at most 8 KiB, to be sent as the next message. It stands alone: the CLI drops a tool use without a result
 * from the history when it resumes, so the model knows of an action in flight only what is said here.
 */
export function reconciliationNote({ why, atIso, facts }: ReconciliationInput): string {
  const paragraphs = [
    '[Automatic note of the system that runs this conversation. No person wrote it.]',
    `The process of this conversation was interrupted at ${atIso}: ${REASONS[why]}. Nobody asked for the interruption and nobody rejected anything; the task stands.`,
    ...completedPart(facts),
    ...inFlightPart(facts.inFlight),
    ...backgroundPart(facts),
    ...lossPart(facts),
    'Continue the task where it stopped. Do not do again what is done, and do not wait for anything that was started before the interruption.',
  ];
  return shorten(paragraphs.join('\n\n'), MAX_BYTES);
}

function completedPart({ lastCompleted }: RunFacts): string[] {
  const done = lastCompleted.filter(({ outcome }) => outcome !== 'denied');
  if (done.length === 0) return [];
  const lines = done.map(({ description, outcome }) => `- ${description}${outcome === 'ok' ? '' : ` (${outcome === 'error' ? 'it failed' : 'stopped while it ran'})`}`);
  return [`The last actions that were completed, oldest first:\n${lines.join('\n')}`];
}

function inFlightPart(tools: readonly ReleasedTool[]): string[] {
  if (tools.length === 0) return [];
  const shown = tools.slice(0, MAX_TOOLS);
  const room = Math.min(MAX_INPUT_BYTES, Math.floor(ALL_INPUTS_BYTES / shown.length));
  const lines = shown.map(({ name, input, isInputLost }) => `- tool ${shorten(name, 100)}, input: ${isInputLost ? 'not known any more' : shorten(JSON.stringify(input), room)}`);
  if (tools.length > shown.length) lines.push(`- and ${tools.length - shown.length} more`);
  const these = tools.length === 1 ? 'This action was' : 'These actions were';
  return [`${these} in flight, and the outcome is unknown: it may have happened, in part or not at all.\n${lines.join('\n')}\nInspect the actual state before you repeat any of it.`];
}

function backgroundPart({ inBackground }: RunFacts): string[] {
  if (inBackground.length === 0) return [];
  const lines = inBackground.slice(0, MAX_TOOLS).map((tool) => `- ${describeTool(tool)}`);
  return [`What ran in the background was ended with the process and will not report any more; how far it got is unknown. Look, then start again what is still needed:\n${lines.join('\n')}`];
}

function lossPart({ unlogged }: RunFacts): string[] {
  return unlogged.length === 0 ? [] : ['Part of the record of that process is lost: it may have done more than is said here.'];
}
