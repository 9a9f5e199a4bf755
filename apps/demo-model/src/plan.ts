// Decides what a request gets: which scenario, which reply, and what goes wrong on the way.
import { readConversation } from './conversation.js';
import type { Conversation } from './conversation.js';
import { demoReply } from './demo-reply.js';
import { knownMarkers, markerList } from './known-markers.js';
import type { PlannedFault } from './marker.js';
import { parseMarkers } from './marker-parser.js';
import type { MarkerProblem, ParsedMarker } from './marker-parser.js';
import type { MessagesRequest } from './messages-request.js';
import { numbered } from './prose-markers.js';
import { prose, reply } from './reply.js';
import type { Reply } from './reply.js';
import type { Scene } from './scene.js';
import { sampleOf } from './schema-sample.js';
import { sideReply } from './side-request.js';
import { structuredOutput } from './tool-markers.js';

export interface Plan {
  /** Names of the markers joined by `+`, or `demo`, `side`, `bad_marker`. */
  readonly scenario: string;
  readonly reply: Reply;
  readonly fault: PlannedFault | undefined;
  readonly conversation: Conversation;
}

/** Pure: the same request always gets the same plan. Whether a fault with `fail` still happens is decided by the counters. */
export function planFor(request: MessagesRequest): Plan {
  const conversation = readConversation(request);
  const side = sideReply(request, conversation.prompt);
  if (side !== undefined) return { scenario: 'side', reply: side, fault: undefined, conversation };
  const parsed = parseMarkers(conversation.prompt);
  const scene = conversation.scene;
  if (parsed.length === 0) {
    return { scenario: 'demo', reply: enforced(conversation, demoReply(conversation.prompt, scene)), fault: undefined, conversation };
  }
  const cast = castOf(parsed);
  if ('problems' in cast) return { scenario: 'bad_marker', reply: explain(cast.problems), fault: undefined, conversation };
  const scenario = parsed.map((marker) => marker.name).join('+');
  const fault = cast.faults.find((planned) => planned.round === undefined || planned.round === scene.round);
  return { scenario, reply: enforced(conversation, cast.content(scene)), fault, conversation };
}

interface Cast {
  readonly content: (scene: Scene) => Reply;
  readonly faults: readonly PlannedFault[];
}

// What a prompt with nothing but faults gets when they are over.
const afterFaults = (): Reply => reply(numbered(20, 0));

function castOf(parsed: readonly (ParsedMarker | MarkerProblem)[]): Cast | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const faults: PlannedFault[] = [];
  const contents: Cast['content'][] = [];
  for (const marker of parsed) {
    const effect = 'problem' in marker ? marker : effectOf(marker);
    if ('problem' in effect) problems.push(`[[${marker.name}]]: ${effect.problem}`);
    else if (effect.kind === 'fault') faults.push(effect.planned);
    else contents.push(effect.reply);
  }
  if (contents.length > 1) problems.push('only one marker per prompt may say what is answered; faults may be added to it');
  return problems.length > 0 ? { problems } : { content: contents[0] ?? afterFaults, faults };
}

function effectOf(marker: ParsedMarker) {
  return knownMarkers.get(marker.name)?.read(marker.args) ?? { problem: 'there is no such marker' };
}

function explain(problems: readonly string[]): Reply {
  const list = problems.map((problem) => `- ${problem}`).join('\n');
  return reply(prose(`The offline demo model of Runyard cannot play this prompt:\n${list}\n\nThe markers are:\n${markerList()}`));
}

/** When the CLI insists on structured output, a reply without tools would only make it insist again. */
function enforced(conversation: Conversation, planned: Reply): Reply {
  const silent = planned.blocks.every((block) => block.kind !== 'tool');
  return conversation.schemaEnforced && silent ? structuredOutput(conversation.scene, sampleOf) : planned;
}
