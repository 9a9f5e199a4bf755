// Version of this installation, as its package.json says.
import { readFileSync } from 'node:fs';

// The file is one level up from both src and dist.
const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

export const VERSION = String((manifest as { version: string }).version);
