#!/usr/bin/env node
// Reads its input and says nothing, ever.
import { listen, stayForEver } from './speaks-like-claude.mjs';

listen(() => undefined);
stayForEver();
