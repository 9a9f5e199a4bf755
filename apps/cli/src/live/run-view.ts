// Events of a run → what is printed of them: one line per tool call, the text as it streams, what went wrong.
import type { RunEvent } from '@runyard/domain';
import type { Paint } from '../style.js';
import { oneLine, truncate, visible } from '../text.js';
import { contentText, isInner, object, objects, text } from './message.js';
import type { Loose } from './message.js';
import { noteOfRunEvent, noteOfSystemMessage } from './notes.js';
import type { Note } from './notes.js';
import { StreamedText } from './streamed-text.js';
import { toolLine } from './tool-line.js';

/** A whole line, a piece of streaming text, or the end of such text. Harmless to a terminal, coloured by `paint`. */
export type Piece = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'text'; readonly text: string } | { readonly kind: 'end' };

export interface RunViewOptions {
  readonly paint: Paint;
  /** Columns of the terminal; lines are cut to them. Undefined: nothing is cut. */
  readonly width?: number | undefined;
}

const BLANK: Piece = { kind: 'line', text: '' };
// When the connection to the model is lost in the middle of an answer, the CLI asks again and the answer begins again.
const TAKEN_BACK = 'the text above was cut off: forget it, the answer comes again';
const SNIPPET_LINES = 4;
const SNIPPET_WIDTH = 200;
// Beyond that nothing is shown anyway; measuring a megabyte takes its time.
const LONGEST_LINE = 2_000;
const LONGEST_RESULT = 20_000;

/** Pure but for its memory of what was printed: feed it each event once, in order. */
export class RunView {
  readonly #paint: Paint;
  readonly #width: number | undefined;
  readonly #streamed = new StreamedText();
  #cwd: string | undefined;
  #saidModel = false;
  #last: 'nothing' | 'open text' | 'text' | 'lines' = 'nothing';
  #answered = false;

  constructor({ paint, width }: RunViewOptions) {
    this.#paint = paint;
    this.#width = width;
  }

  /** What an event adds to the screen; often nothing. */
  feed({ type, data }: RunEvent): Piece[] {
    const message = object(data);
    switch (type) {
      case 'claude.stream_event':
        return isInner(message) ? [] : this.#stream(object(message['event']));
      case 'claude.assistant':
        return this.#assistant(message);
      case 'claude.user':
        return this.#toolResults(message);
      case 'claude.system':
        return this.#system(message);
      case 'run.finished':
        return this.#finished(message);
      default:
        return this.#notes(noteOfRunEvent(type, message));
    }
  }

  #stream(event: Loose): Piece[] {
    if (event['type'] === 'message_start') {
      return this.#streamed.restart() ? this.#notes([{ tone: 'yellow', text: `↻ ${TAKEN_BACK}` }]) : [];
    }
    if (event['type'] === 'content_block_start') this.#streamed.begin();
    const delta = object(event['delta']);
    const piece = delta['type'] === 'text_delta' ? this.#streamed.add(text(delta['text']) ?? '') : '';
    return piece === '' ? [] : this.#text(piece);
  }

  #assistant(message: Loose): Piece[] {
    const inner = isInner(message);
    const body = object(message['message']);
    return objects(body['content']).flatMap((block) => {
      switch (block['type']) {
        case 'text':
          // A message that the CLI made up itself tells a failure; run.finished tells it with what to do.
          return inner || body['model'] === '<synthetic>' ? [] : this.#wholeText(text(block['text']) ?? '');
        case 'thinking':
          return inner ? [] : this.#thinking(text(block['thinking']) ?? '');
        case 'tool_use':
        case 'server_tool_use':
        case 'mcp_tool_use':
          return this.#lines([this.#toolLine(block, inner)]);
        default:
          return [];
      }
    });
  }

  #wholeText(whole: string): Piece[] {
    const rest = this.#streamed.complete(whole);
    if (rest === undefined) return [];
    this.#answered = true;
    return [...(rest.again ? this.#endText() : []), ...this.#text(rest.text), ...this.#endText()];
  }

  #thinking(thought: string): Piece[] {
    const line = oneLine(thought.slice(0, LONGEST_LINE));
    return line === '' ? [] : this.#lines([this.#paint('dim', this.#cut(`✻ ${line}`))]);
  }

  #toolLine(block: Loose, inner: boolean): string {
    const { name, detail, change } = toolLine(text(block['name']) ?? 'tool', block['input'], this.#cwd);
    const indent = inner ? '  ' : '';
    const room = this.#width === undefined ? 200 : this.#width - indent.length - name.length - (change === '' ? 0 : change.length + 3) - 4;
    const shown = truncate(detail, Math.max(10, room));
    return [`${indent}${this.#paint('green', '●')} ${this.#paint('bold', name)}`, shown, change === '' ? '' : this.#paint('dim', `(${change})`)]
      .filter((part) => part !== '')
      .join(' ');
  }

  #toolResults(message: Loose): Piece[] {
    const content = object(message['message'])['content'];
    const interrupted = contentText(content).startsWith('[Request interrupted') ? ['interrupted'] : [];
    const failed = objects(content).filter((block) => block['type'] === 'tool_result' && block['is_error'] === true);
    const indent = isInner(message) ? '  ' : '';
    const snippets = failed.flatMap((block) => snippet(contentText(block['content'])).map((line, index) => `${indent}${index === 0 ? '  ⎿ ' : '    '}${line}`));
    return this.#lines([...snippets.map((line) => this.#paint('red', this.#cut(line))), ...interrupted.map((line) => this.#paint('yellow', `  ⎿ ${line}`))]);
  }

  #system(message: Loose): Piece[] {
    if (message['subtype'] === 'api_retry') return this.#retry(message);
    if (message['subtype'] !== 'init') return this.#notes(noteOfSystemMessage(message));
    this.#cwd = text(message['cwd']) ?? this.#cwd;
    if (this.#saidModel) return [];
    this.#saidModel = true;
    const model = oneLine(text(message['model']) ?? '');
    // Not cut: the path is there to be copied.
    return this.#lines([this.#paint('dim', `${model === '' ? 'claude' : model} in ${oneLine(this.#cwd ?? '?')}`)]);
  }

  #retry(message: Loose): Piece[] {
    const takenBack = this.#streamed.restart();
    return this.#notes(noteOfSystemMessage(message).flatMap((note) => [note, ...(takenBack ? [{ ...note, text: `  ${TAKEN_BACK}` }] : [])]));
  }

  #finished(outcome: Loose): Piece[] {
    this.#streamed.begin();
    const pieces = this.#endText();
    const structured = outcome['structured_output'];
    const answer = text(outcome['result']) ?? '';
    if (structured !== null && structured !== undefined) return [...pieces, ...this.#text(JSON.stringify(structured, undefined, 2)), ...this.#endText()];
    // Slash commands answer without any message of the model.
    if (!this.#answered && outcome['status'] === 'succeeded' && answer !== '') pieces.push(...this.#text(answer), ...this.#endText());
    return pieces;
  }

  #notes(notes: readonly Note[]): Piece[] {
    return this.#lines(notes.map((note) => this.#paint(note.tone, this.#cut(note.text))));
  }

  #lines(lines: readonly string[]): Piece[] {
    if (lines.length === 0) return [];
    // A remark may come while text streams; the text goes on below it. Tool calls belong to the text above them: no gap.
    const end = this.#endText();
    this.#last = 'lines';
    return [...end, ...lines.map((line) => ({ kind: 'line', text: line }) as const)];
  }

  #text(piece: string): Piece[] {
    const gap = this.#last === 'lines' || this.#last === 'text' ? [BLANK] : [];
    this.#last = 'open text';
    return [...gap, { kind: 'text', text: visible(piece) }];
  }

  #endText(): Piece[] {
    if (this.#last !== 'open text') return [];
    this.#last = 'text';
    return [{ kind: 'end' }];
  }

  #cut(line: string): string {
    return truncate(line, this.#width === undefined ? SNIPPET_WIDTH : this.#width - 1);
  }
}

function snippet(result: string): string[] {
  const lines = visible(result.slice(0, LONGEST_RESULT)).split('\n').map((line) => line.trimEnd()).filter((line) => line !== '');
  const shown = lines.slice(0, SNIPPET_LINES);
  return lines.length > SNIPPET_LINES ? [...shown, `… ${lines.length - SNIPPET_LINES} more lines`] : shown;
}
