// The prompt from arguments, a file and standard input; and the JSON Schema of a file.
import { readFile } from 'node:fs/promises';
import type { InputStream } from './context.js';
import { EXIT, Refusal } from './exit-codes.js';
import { oneLine } from './text.js';

/**
 * The words of the command line as one text, followed by the content of `file`; `-` as the last word, or as the file, stands for standard
 * input. @throws Refusal when something cannot be read or is not text
 */
export async function readPrompt(words: readonly string[], file: string | undefined, stdin: InputStream): Promise<string> {
  const fromInput = words.at(-1) === '-' || file === '-';
  const parts = [(words.at(-1) === '-' ? words.slice(0, -1) : words).join(' ')];
  if (file !== undefined && file !== '-') parts.push(await readText(file));
  if (fromInput) parts.push(await readInput(stdin, 'give the prompt as an argument'));
  return parts.filter((part) => part !== '').join('\n\n');
}

/** A JSON Schema (an object) from a file. @throws Refusal */
export async function readSchema(file: string): Promise<Record<string, unknown>> {
  return readObject(file, 'a JSON Schema', 'one object, such as {"type":"object","properties":{…}}');
}

/** A JSON object from a file. `what` and `form` complete the error for anything else. @throws Refusal */
export async function readObject(file: string, what: string, form: string): Promise<Record<string, unknown>> {
  const text = await readText(file);
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content as Record<string, unknown>;
  } catch {
    // told below, like JSON of another shape
  }
  throw new Refusal(EXIT.usage, `${oneLine(file)} does not hold ${what}.`, `It must be JSON: ${form}.`);
}

/** All of standard input. `instead` completes what else could be done, for somebody at a terminal. @throws Refusal */
export async function readInput(stdin: InputStream, instead: string): Promise<string> {
  if (stdin.isTTY) throw new Refusal(EXIT.usage, 'Standard input is the terminal.', `Pipe something into the command, or ${instead}.`);
  return textOf(await readAll(stdin), 'standard input');
}

/** The text of a file. @throws Refusal when it cannot be read or is not UTF-8 */
export async function readText(file: string): Promise<string> {
  try {
    return textOf(await readFile(file), file);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Refusal(EXIT.usage, `Cannot read ${oneLine(file)} (${code}).`, 'Check the path and its permissions.');
  }
}

async function readAll(stream: InputStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function textOf(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(EXIT.usage, `${oneLine(name)} is not UTF-8 text.`, 'Convert it, or name the file in the prompt instead.');
  }
}
