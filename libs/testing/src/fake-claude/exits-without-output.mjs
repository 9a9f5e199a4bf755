#!/usr/bin/env node
// Ends at once with code 0 and says nothing.
import './speaks-like-claude.mjs';

process.exit(0);
