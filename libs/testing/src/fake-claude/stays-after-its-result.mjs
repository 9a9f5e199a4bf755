#!/usr/bin/env node
// Says its result and ignores the end of its input.
import { listen, sayInit, sayResult, stayForEver } from './speaks-like-claude.mjs';

listen(() => {
  sayInit();
  sayResult();
});
stayForEver();
