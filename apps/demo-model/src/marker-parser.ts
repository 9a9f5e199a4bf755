// Finds markers in a prompt: `[[name key=value key="quoted \" value"]]` and `[[name {json}]]`.

export interface ParsedMarker {
  readonly name: string;
  /** Key and value as written, or the parsed JSON of the braces form. */
  readonly args: unknown;
}

export interface MarkerProblem {
  readonly name: string;
  readonly problem: string;
}

// Lower case and directly after the brackets: a shell test [[ -f x ]] or a wiki link [[Page]] is no marker.
const opening = /\[\[([a-z][a-z_]*)(?=\s|\]\])/g;
const key = /\s+([a-z_]+)=/y;
const closing = /\s*\]\]/y;
const beforeJson = /\s+(?=\{)/y;
const endOfBare = /[\s"]|\]\]/g;
const structural = /["{}]/g;

/**
 * All markers of `text` in order, up to the first that cannot be read: that one becomes a problem.
 * Never throws and takes linear time: values may be megabytes, which regular expressions with groups do not survive.
 */
export function parseMarkers(text: string): (ParsedMarker | MarkerProblem)[] {
  const found: (ParsedMarker | MarkerProblem)[] = [];
  opening.lastIndex = 0;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const name = match[1] ?? '';
    const read = readArguments(text, opening.lastIndex);
    if ('problem' in read) return [...found, { name, problem: read.problem }];
    found.push({ name, args: read.args });
    opening.lastIndex = read.end;
  }
  return found;
}

type ReadArguments = { readonly args: unknown; readonly end: number } | { readonly problem: string };

function readArguments(text: string, from: number): ReadArguments {
  const start = endOfMatch(beforeJson, text, from);
  return start === undefined ? readPairs(text, from) : readJson(text, start);
}

function readPairs(text: string, from: number): ReadArguments {
  const args: Record<string, string> = {};
  let at = from;
  for (;;) {
    const end = endOfMatch(closing, text, at);
    if (end !== undefined) return { args, end };
    key.lastIndex = at;
    const name = key.exec(text)?.[1];
    const value = name === undefined ? undefined : readValue(text, key.lastIndex);
    if (name === undefined || value === undefined) {
      return { problem: `cannot read from "${text.slice(at, at + 40).trim()}": expected key=value or ]]` };
    }
    if (Object.hasOwn(args, name)) return { problem: `${name} is given twice` };
    args[name] = value.text;
    at = value.end;
  }
}

/** A quoted value, or a bare one up to white space or the closing brackets. */
function readValue(text: string, from: number): { readonly text: string; readonly end: number } | undefined {
  if (text[from] === '"') {
    const end = endOfString(text, from);
    // Only \" and \\ are escapes: a shell command keeps its other backslashes.
    return end === undefined ? undefined : { text: text.slice(from + 1, end - 1).replaceAll(/\\(["\\])/g, '$1'), end };
  }
  endOfBare.lastIndex = from;
  const end = endOfBare.exec(text)?.index ?? text.length;
  return end === from ? undefined : { text: text.slice(from, end), end };
}

function readJson(text: string, from: number): ReadArguments {
  const end = endOfObject(text, from);
  const after = end === undefined ? undefined : endOfMatch(closing, text, end);
  if (end === undefined || after === undefined) return { problem: 'its JSON is not closed by } and ]]' };
  try {
    return { args: JSON.parse(text.slice(from, end)), end: after };
  } catch (error) {
    return { problem: `its JSON is broken: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Index after the brace that closes the object at `from`; braces within strings do not count. */
function endOfObject(text: string, from: number): number | undefined {
  let depth = 0;
  structural.lastIndex = from;
  for (let match = structural.exec(text); match !== null; match = structural.exec(text)) {
    if (match[0] === '{') depth += 1;
    if (match[0] === '}') depth -= 1;
    if (depth === 0) return match.index + 1;
    const end = match[0] === '"' ? endOfString(text, match.index) : match.index + 1;
    if (end === undefined) return undefined;
    structural.lastIndex = end;
  }
  return undefined;
}

/** Index after the quote that closes the string at `from`: the first one behind an even number of backslashes. */
function endOfString(text: string, from: number): number | undefined {
  for (let quote = text.indexOf('"', from + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let start = quote;
    while (text[start - 1] === '\\' && start - 1 > from) start -= 1;
    if ((quote - start) % 2 === 0) return quote + 1;
  }
  return undefined;
}

function endOfMatch(sticky: RegExp, text: string, from: number): number | undefined {
  sticky.lastIndex = from;
  return sticky.test(text) ? sticky.lastIndex : undefined;
}
