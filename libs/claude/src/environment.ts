// The environment of one claude process: an allow-list of the host's, and what we decide. Pure.
import { RUN_MARK_ENV } from './run-mark.js';

export interface EnvironmentInput {
  /** The worker's own environment; only what the list below names is taken from it. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Where the CLI keeps transcripts and state: one per session. */
  readonly configDir: string;
  /** Must be writable, or the CLI ends before its first message. */
  readonly tmpDir: string;
  /** Unique to the attempt; never empty. */
  readonly mark: string;
  /** How often the CLI repeats a failed request by itself: 0 = never. Its own default, 10, takes three minutes. */
  readonly maxRetries: number;
  /** How long the CLI waits for response headers, per attempt. Its own default is six minutes. */
  readonly apiTimeoutMs: number;
  /** Takes keys and tokens out of the Bash tool's environment. The CLI refuses to start with it where bubblewrap is missing. */
  readonly scrubSubprocesses?: boolean;
  /** Set by the worker, such as resolved secrets. It wins over the host's, never over what this file decides. */
  readonly extra?: Readonly<Record<string, string>>;
}

const PLAIN = new Set([
  'PATH', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ',
  'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'CLAUDE_CODE_CERT_STORE',
  'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'no_proxy',
  // Not CLAUDE_CODE_*: when Runyard itself runs inside a Claude session, that session's ids and tokens are among them.
  'CLAUDE_CODE_OAUTH_TOKEN', 'CLAUDE_CODE_MAX_OUTPUT_TOKENS', 'MAX_THINKING_TOKENS',
  'BASH_DEFAULT_TIMEOUT_MS', 'BASH_MAX_TIMEOUT_MS', 'BASH_MAX_OUTPUT_LENGTH', 'MCP_TIMEOUT', 'MCP_TOOL_TIMEOUT',
  // The operator's word that this machine is a sandbox; without it root may not use bypassPermissions.
  'IS_SANDBOX',
]);
const PREFIXES = ['LC_', 'ANTHROPIC_', 'CLAUDE_CODE_USE_'];

const PROVIDERS: readonly { readonly flag: string; readonly prefixes: readonly string[] }[] = [
  { flag: 'CLAUDE_CODE_USE_BEDROCK', prefixes: ['AWS_', 'CLAUDE_CODE_SKIP_BEDROCK_AUTH'] },
  { flag: 'CLAUDE_CODE_USE_VERTEX', prefixes: ['GOOGLE_', 'GCLOUD_', 'CLOUD_ML_', 'CLOUDSDK_', 'VERTEX_', 'CLAUDE_CODE_SKIP_VERTEX_AUTH'] },
  { flag: 'CLAUDE_CODE_USE_FOUNDRY', prefixes: ['AZURE_', 'CLAUDE_CODE_SKIP_FOUNDRY_AUTH'] },
];

const FALLBACK_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Everything the process will see, and nothing else: what the list does not name is not inherited. @throws RangeError on an empty mark */
export function buildEnvironment(input: EnvironmentInput): Record<string, string> {
  if (input.mark === '') throw new RangeError('a run needs a mark: its processes could not be found again');
  return {
    PATH: FALLBACK_PATH,
    ...fromHost(input.hostEnv),
    ...input.extra,
    HOME: input.home,
    CLAUDE_CONFIG_DIR: input.configDir,
    TMPDIR: input.tmpDir,
    CLAUDE_CODE_TMPDIR: input.tmpDir,
    CLAUDE_CODE_MAX_RETRIES: String(input.maxRetries),
    API_TIMEOUT_MS: String(input.apiTimeoutMs),
    // Without it nobody can tell the pause between two turns from the end: see turns.ts.
    CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    ...(input.scrubSubprocesses === true ? { CLAUDE_CODE_SUBPROCESS_ENV_SCRUB: '1' } : {}),
    [RUN_MARK_ENV]: input.mark,
  };
}

function fromHost(hostEnv: EnvironmentInput['hostEnv']): Record<string, string> {
  const prefixes = [...PREFIXES, ...PROVIDERS.filter(({ flag }) => isOn(hostEnv[flag])).flatMap((provider) => provider.prefixes)];
  const wanted = (name: string) => PLAIN.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(hostEnv).filter((entry): entry is [string, string] => wanted(entry[0]) && Boolean(entry[1])));
}

function isOn(value: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(value?.trim() ?? '');
}
