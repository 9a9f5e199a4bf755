// Finds the claude binary on this machine and asks it for its version.
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MAIN_PACKAGE = '@anthropic-ai/claude-code';
const VERSION_TIMEOUT_MS = 10_000;

export type ClaudeBinary = { readonly path: string } | { readonly missing: string };
export type ClaudeVersion = { readonly version: string } | { readonly failed: string };

/**
 * The path of the claude binary, or a sentence that says what is missing and what to do next.
 * The platform package is used directly: it is there also when npm held back the install scripts, which leave
 * `node_modules/.bin/claude` a text that only prints an error.
 * @param override a path given by the operator; nothing else is tried then
 * @param from file or directory URL where the search in node_modules begins
 */
export function resolveClaudeBinary(override?: string, from: string = import.meta.url): ClaudeBinary {
  if (override !== undefined && override !== '') {
    const problem = whyNotExecutable(override);
    return problem ? { missing: `RUNYARD_CLAUDE_BIN names ${override}, which ${problem}. Set it to the claude binary, or unset it.` } : { path: override };
  }
  const name = platformPackage();
  const manifest = findManifest(name, from);
  if (manifest === undefined) {
    return { missing: `The package ${name} is not installed. Run npm install --include=optional, or set RUNYARD_CLAUDE_BIN to a claude binary.` };
  }
  const path = join(dirname(manifest), platform() === 'win32' ? 'claude.exe' : 'claude');
  const problem = whyNotExecutable(path);
  return problem ? { missing: `${path} ${problem}. Run npm install again, or set RUNYARD_CLAUDE_BIN to a claude binary.` } : { path };
}

/** The npm package that holds the binary for a machine, this one by default. */
export function platformPackage(os: string = platform(), cpu: string = arch(), musl: boolean = os === 'linux' && usesMusl()): string {
  return `${MAIN_PACKAGE}-${os}-${cpu}${musl ? '-musl' : ''}`;
}

/** Asks the binary for its version, such as `2.1.330`; it gets an empty environment and, unless told otherwise, ten seconds. Its directory is one that is always there. */
export function claudeVersion(path: string, timeoutMs: number = VERSION_TIMEOUT_MS): Promise<ClaudeVersion> {
  return new Promise((resolve) => {
    const options = { env: { HOME: tmpdir() }, cwd: '/', timeout: timeoutMs, killSignal: 'SIGKILL' as const };
    execFile(path, ['--version'], options, (error, stdout, stderr) => {
      const version = /^(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
      if (!error && version !== undefined) resolve({ version });
      else resolve({ failed: firstLine(stderr) || firstLine(stdout) || error?.message || 'printed no version' });
    });
  });
}

function usesMusl(): boolean {
  // Without it the report looks up a name for every open socket, which can take seconds.
  const report = Object.assign(process.report, { excludeNetwork: true });
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}

/** npm hoists the platform package or nests it below the main package: look in both places. */
function findManifest(name: string, from: string): string | undefined {
  const here = createRequire(from);
  const direct = tryResolve(here, `${name}/package.json`);
  if (direct !== undefined) return direct;
  const main = tryResolve(here, `${MAIN_PACKAGE}/package.json`);
  return main === undefined ? undefined : tryResolve(createRequire(main), `${name}/package.json`);
}

function tryResolve(require: NodeJS.Require, request: string): string | undefined {
  try {
    return require.resolve(request);
  } catch {
    return undefined;
  }
}

function whyNotExecutable(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return 'is not a file';
  } catch {
    return 'does not exist or cannot be reached';
  }
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch {
    return 'is not executable';
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
