#!/usr/bin/env node
// Mixes lines that are no protocol into its output, among them a last one without newline.
import { listen, say, sayInit, sayResult } from './speaks-like-claude.mjs';

listen(
  () => {
    process.stdout.write('plain text\n\n[1,2]\n{"no":"type"}\n{"type":"system","subtype":\nnull\n');
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a]));
    sayInit();
    say({ type: 'a_type_of_tomorrow', data: 1 });
    sayResult('answer after garbage');
  },
  () => process.stdout.write('{"type":"assistant","message":{"con'),
);
