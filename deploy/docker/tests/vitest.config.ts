// The container tests: real images, a real engine, docker compose. Not part of npm test; npm run test:containers runs them.
import { fileURLToPath } from 'node:url';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

const conditions = ['@runyard/source', ...defaultServerConditions];

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../../../node_modules/.vite-containers', import.meta.url)),
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['*.spec.ts'],
    globalSetup: ['./images.ts'],
    // Installations are apart by name and port, and wait most of the time: for health checks, leases, graces.
    maxWorkers: 2,
    // No check: what is waited for has a limit of its own. For the day when everything hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    retry: 0,
    reporters: ['verbose', '../../../scripts/vitest-summary.mjs'],
  },
});
