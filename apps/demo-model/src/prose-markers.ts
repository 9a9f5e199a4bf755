// Markers that only talk: short, slow, long, thinking, split characters, and the odd stop reasons.
import { z } from 'zod';
import { contentMarker, count, delayMs, kilobytes } from './marker.js';
import type { Marker } from './marker.js';
import { reply } from './reply.js';
import type { ProseBlock, Reply } from './reply.js';

const PIECE_BYTES = 1024;
const EMOJI = 'A café 🧀, three signs 日本語, a family 👨‍👩‍👧‍👦, a flag 🏳️‍🌈 and a rocket 🚀. ';

/** `word-1 word-2 …`: numbered, so that a reader can see a hole. One piece per word. */
export function numbered(n: number, wait: number): ProseBlock {
  const pieces = Array.from({ length: n }, (_, index) => `${index === 0 ? '' : ' '}word-${index + 1}`);
  return { kind: 'text', pieces, delayMs: wait };
}

/** Lines of 64 bytes that begin with their number, in pieces of 1 KiB. No line ends in a space: the CLI's Write would cut it. */
export function longText(kb: number): string[] {
  const line = (index: number): string => `${String(index).padStart(9, '0')} ${'demo model text '.repeat(4)}`.slice(0, 62) + '.\n';
  const linesPerPiece = PIECE_BYTES / 64;
  return Array.from({ length: kb }, (_, piece) =>
    Array.from({ length: linesPerPiece }, (__, index) => line(piece * linesPerPiece + index)).join(''),
  );
}

function thinking(n: number, wait: number): Reply {
  const pieces = numbered(n, wait).pieces.map((piece) => piece.replace('word', 'thought'));
  return reply({ kind: 'thinking', pieces, delayMs: wait }, numbered(n, wait));
}

const wordCount = count.default(20);
const noDelay = delayMs.default(0);

export const proseMarkers: Readonly<Record<string, Marker>> = {
  text: contentMarker(
    '[[text n=20 delay=0]]',
    'n numbered words, delay milliseconds before each',
    z.strictObject({ n: wordCount, delay: noDelay }),
    (args) => reply(numbered(args.n, args.delay)),
  ),
  slow: contentMarker(
    '[[slow n=10 delay=1000]]',
    'as text, a word each second',
    z.strictObject({ n: count.default(10), delay: delayMs.default(1000) }),
    (args) => reply(numbered(args.n, args.delay)),
  ),
  long: contentMarker(
    '[[long kb=2048]]',
    'so many KiB of text in deltas of 1 KiB',
    z.strictObject({ kb: kilobytes.default(2048), delay: noDelay }),
    (args) => reply({ kind: 'text', pieces: longText(args.kb), delayMs: args.delay }),
  ),
  think: contentMarker(
    '[[think n=20 delay=0]]',
    'n words of thinking, then n words of text',
    z.strictObject({ n: wordCount, delay: noDelay }),
    (args) => thinking(args.n, args.delay),
  ),
  emoji: contentMarker(
    '[[emoji bytes=1 n=3]]',
    'n sentences with characters of several bytes; deltas split graphemes, writes of so many bytes split characters',
    z.strictObject({ bytes: z.coerce.number().int().min(1).max(65_536).default(1), n: count.max(1000).default(3) }),
    (args) => ({ ...reply({ kind: 'text', pieces: [...EMOJI.repeat(args.n)], delayMs: 0 }), splitBytes: args.bytes }),
  ),
  max_tokens: contentMarker(
    '[[max_tokens n=5]]',
    'n words, then stop reason max_tokens, in every round',
    z.strictObject({ n: count.default(5) }),
    (args) => ({ ...reply(numbered(args.n, 0)), stopReason: 'max_tokens' }),
  ),
  refusal: contentMarker(
    '[[refusal]]',
    'stop reason refusal',
    z.strictObject({}),
    () => ({ blocks: [], stopReason: 'refusal' }),
  ),
};
