// Settings that more than one app reads, with one description and one default each.
import * as field from './fields.js';

export const hostField = field.host.default('127.0.0.1').meta({
  description: 'Address the API listens on. A public address needs a usable key.',
});
export const portField = field.port.default(8080).meta({ description: 'Port the API listens on; 0 takes any free one.' });
export const workerHostField = field.host.default('127.0.0.1').meta({
  description: 'Address on which a worker answers health checks and serves `/metrics`, without a key: keep it internal.',
});
export const workerPortField = field.port.default(8081).meta({
  description: 'Port on which a worker answers health checks and serves `/metrics`; 0 takes any free one.',
});
export const dataDirField = field.path.default('./.runyard').meta({
  description: 'Directory of transcripts, finished logs, workspaces and the admin key. API and every worker need the same one.',
});
export const apiKeyField = field.apiKey.optional().meta({
  description: 'Bootstrap admin key. Without it one is made and kept in `<data dir>/admin.key`.',
  secret: true,
});
export const commandField = field.command.optional().meta({
  description: 'How people call the `runyard` command of this installation; hints name it. Set where it runs in a container, as `docker compose exec api runyard`.',
});
export const redisUrlField = field.redisUrl.default('redis://127.0.0.1:6379').meta({
  description: 'Address of Redis: `redis://`, `rediss://` or `unix:///path`. May hold a password.',
  secret: true,
});
export const capacityField = field.wholeNumber(1, 256).default(4).meta({
  description: 'How many runs one worker works on at the same time.',
  unit: 'runs',
});
export const workspacesField = field.absolutePaths.default([]).meta({
  description: 'Directories below which a run may work in place, absolute and separated by `:`. None: scratch workspaces only.',
});
export const allowedHostsField = field.hostHeaders.default([]).meta({
  description: 'Further Host header values that the API answers to, separated by commas.',
});
export const claudeBinField = field.absolutePath.optional().meta({
  description: 'Path of the `claude` binary. Default: the pinned one that is installed with Runyard.',
});
export const logLevelField = field.logLevel.default('info').meta({
  description: 'How much is logged: trace, debug, info, warn, error, fatal or silent.',
});
export const drainTimeoutField = field.wholeNumber(0, 86_400).default(600).meta({
  description: 'How long a worker that is told to stop lets its runs go on before it hands them over to another one.',
  unit: 'seconds',
});
export const parentPipeField = field.flag.default(false).meta({
  description: 'Ends the process when its standard input closes; set by `runyard up` for its children.',
});
