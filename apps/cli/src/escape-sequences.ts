// Takes terminal escape sequences out of a text, in time linear in its length whatever the text is. Node's own
// stripVTControlCharacters needs half a minute for 100 KB of unclosed sequences, and runs may print what they like.

const ESC = '\u001b';
const BELL = '\u0007';
const STRING_END = '\u009c';
const CSI = '\u009b';
const OSC = '\u009d';
/** What follows ESC for a text that ends with a bell or ST: OSC, DCS, SOS, PM, APC. */
const STRING_KINDS = new Set([']', 'P', 'X', '^', '_']);
const TWO_CHARACTERS = new Set('78=>cDEHMNOZ');
/** ESC, one of these, and one more character: character sets and the like. */
const THREE_CHARACTERS = new Set('()*+-./#% ');

/** The text without its complete escape sequences. Of an incomplete one only the control characters are taken, its text stays. */
export function stripEscapeSequences(text: string): string {
  if (!text.includes(ESC) && !text.includes(CSI) && !text.includes(OSC)) return text;
  const ends = new StringEnds(text);
  let kept = '';
  let from = 0;
  for (let at = nextIntroducer(text, 0); at !== -1; at = nextIntroducer(text, from)) {
    kept += text.slice(from, at);
    from = endOfSequence(text, at, ends);
  }
  return kept + text.slice(from);
}

function nextIntroducer(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === ESC || character === CSI || character === OSC) return at;
  }
  return -1;
}

/** Index after the sequence that begins at `at`; at least one further, so that the introducer itself always goes. */
function endOfSequence(text: string, at: number, ends: StringEnds): number {
  if (text[at] === CSI) return endOfControl(text, at + 1);
  if (text[at] === OSC) return ends.after(at + 1) ?? at + 1;
  const kind = text[at + 1] ?? '';
  if (kind === '[') return endOfControl(text, at + 2);
  if (STRING_KINDS.has(kind)) return ends.after(at + 2) ?? at + 2;
  if (TWO_CHARACTERS.has(kind)) return at + 2;
  return THREE_CHARACTERS.has(kind) && at + 2 < text.length ? at + 3 : at + 1;
}

/** Parameters and intermediates, then one final character; ends before whatever cannot belong to it. */
function endOfControl(text: string, from: number): number {
  let at = from;
  while (isBetween(text[at], ' ', '?')) at += 1;
  return isBetween(text[at], '@', '~') ? at + 1 : at;
}

function isBetween(character: string | undefined, first: string, last: string): boolean {
  return character !== undefined && character >= first && character <= last;
}

/** Where the strings of OSC and its kin end. Asked with growing positions, it looks at each character once. */
class StringEnds {
  readonly #text: string;
  #bell = -1;
  #end = -1;
  #escape = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** Index after the first end from `from` on, or undefined when there is none. */
  after(from: number): number | undefined {
    this.#bell = this.#next(this.#bell, BELL, from);
    this.#end = this.#next(this.#end, STRING_END, from);
    this.#escape = this.#next(this.#escape, `${ESC}\\`, from);
    const nearest = Math.min(this.#bell, this.#end, this.#escape);
    if (nearest === Infinity) return undefined;
    return nearest === this.#escape ? nearest + 2 : nearest + 1;
  }

  #next(known: number, what: string, from: number): number {
    if (known >= from) return known;
    const found = this.#text.indexOf(what, from);
    return found === -1 ? Infinity : found;
  }
}
