#!/usr/bin/env node
// Says a usage error on stderr and ends with code 1, as the CLI does with options that it does not take.
import './speaks-like-claude.mjs';

process.stderr.write("error: option '--effort <level>' argument 'much' is invalid.\n");
process.exitCode = 1;
