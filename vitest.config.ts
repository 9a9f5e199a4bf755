// One vitest over every part. Specs resolve workspace packages to their sources.
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/longest-first.mjs';

const conditions = ['@runyard/source', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['{apps,libs}/*/src/**/*.spec.ts', 'scripts/**/*.spec.ts', 'faults/**/*.spec.ts'],
    pool: 'forks',
    // More than cores: the longest specs wait for leases and processes most of the time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Far above what anything takes: a busy machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    retry: 0,
    reporters: ['default', './scripts/vitest-summary.mjs'],
  },
});
