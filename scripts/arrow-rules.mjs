// Which part may import which, each arrow with its reason; what is not listed is forbidden.

/**
 * @typedef {object} Part
 * @property {'app' | 'lib'} kind
 * @property {Readonly<Record<string, string>>} may arrows from this part: target → why it exists
 * @property {string} because why every other arrow is forbidden
 */

const schemas = 'run, event and error schemas are the nouns of domain';
const settings = 'an app reads its settings once, in main.ts';
const logs = 'an app writes logs and metrics';
const adapter = 'adapters know the domain and never each other: an app joins them';
const apps = 'apps never import apps: they meet over HTTP, Redis or as processes';

/** @type {Readonly<Record<string, Part>>} */
export const parts = {
  domain: { kind: 'lib', may: {}, because: 'the nouns lean on nothing but zod, so that everything may lean on them' },
  'run-store': { kind: 'lib', may: { domain: schemas }, because: adapter },
  'run-queue': { kind: 'lib', may: { domain: schemas }, because: adapter },
  claude: { kind: 'lib', may: { domain: schemas }, because: adapter },
  workspace: { kind: 'lib', may: { domain: schemas }, because: adapter },
  'api-client': { kind: 'lib', may: { domain: schemas }, because: 'it runs in browsers too and knows the API from outside only' },
  'local-redis': { kind: 'lib', may: {}, because: 'it runs a server program and knows nothing of runs' },
  config: { kind: 'lib', may: {}, because: 'settings are read before anything else exists' },
  telemetry: { kind: 'lib', may: {}, because: 'logs and metrics must not depend on what they observe' },
  testing: {
    kind: 'lib',
    may: { 'local-redis': 'specs run on a private Redis', config: 'the environment is read in one place, also for specs' },
    because: 'helpers that knew a part could not test it',
  },
  api: {
    kind: 'app',
    may: {
      domain: schemas,
      'run-store': 'the API creates, reads and follows runs',
      'run-queue': 'the API puts new runs into the queue',
      config: settings,
      telemetry: logs,
    },
    because: apps,
  },
  worker: {
    kind: 'app',
    may: {
      domain: schemas,
      'run-store': 'the worker claims runs and appends their events',
      'run-queue': 'the worker takes tickets',
      claude: 'the worker runs claude',
      workspace: 'the worker prepares the directory of a run',
      config: settings,
      telemetry: logs,
    },
    because: apps,
  },
  cli: {
    kind: 'app',
    may: {
      domain: schemas,
      'api-client': 'the command talks to the API',
      'local-redis': 'the local stack runs its own Redis',
      config: settings,
      telemetry: logs,
    },
    because: apps,
  },
  web: {
    kind: 'app',
    may: { domain: schemas, 'api-client': 'the browser talks to the API' },
    because: apps,
  },
  'demo-model': {
    kind: 'app',
    may: { config: settings, telemetry: logs },
    because: 'it stands in for a service of somebody else and must know nothing of Runyard',
  },
};

/**
 * External packages that belong to few parts.
 * @type {readonly { packages: RegExp, only: readonly string[], because: string }[]}
 */
export const packageRules = [
  { packages: /^@nestjs\//, only: ['api'], because: 'NestJS is how the API is built and nothing else' },
  { packages: /^(bullmq|@nestjs\/bullmq)$/, only: ['run-queue'], because: 'run-queue is the only code that knows BullMQ' },
  { packages: /^@bull-board\//, only: ['run-queue', 'api'], because: 'run-queue shows its queue to the dashboard, the API serves it' },
  { packages: /^prom-client$/, only: ['telemetry'], because: 'what metrics there are is written in one place' },
];

/** The part that imports no external package but zod. */
export const purePart = { name: 'domain', packages: ['zod'] };

/** What specs may import beyond the rules of their part; these stand in the package.json of the root. */
export const specPackages = ['vitest', 'fast-check'];

/** The part that only specs may import. */
export const specPart = { name: 'testing', because: 'testing is for specs only: it must not be part of the product' };
