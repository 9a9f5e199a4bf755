// The CLI on this machine: looked for again at every run, so that installing it later helps.
import { stat } from 'node:fs/promises';
import { claudeVersion, resolveClaudeBinary } from '@runyard/claude';
import type { ClaudeBinary, ClaudeVersion } from '@runyard/claude';
import type { HealthCheck } from '@runyard/telemetry';
import { monotonicMs } from './monotonic-clock.js';

/** A binary that does not say its version is asked again after this time. */
const ASK_AGAIN_MS = 5000;

interface KnownVersion {
  readonly file: string;
  readonly askedAtMs: number;
  readonly answer: Promise<ClaudeVersion>;
}

/** Finds the binary; asks it for its version once per file. */
export class ClaudeInstallation {
  readonly #override: string | undefined;
  #known: KnownVersion | undefined;

  /** @param override RUNYARD_CLAUDE_BIN */
  constructor(override: string | undefined) {
    this.#override = override;
  }

  /** Its path, or what is missing and what to do about it. */
  find(): ClaudeBinary {
    return resolveClaudeBinary(this.#override);
  }

  /** Such as `2.1.330`; null when there is no CLI that says its version. */
  async version(): Promise<string | null> {
    const answer = await this.#ask();
    return 'version' in answer ? answer.version : null;
  }

  /** For /readyz. */
  async check(): Promise<HealthCheck> {
    const answer = await this.#ask();
    return 'version' in answer ? { ok: true, detail: `claude ${answer.version}` } : { ok: false, detail: answer.failed };
  }

  async #ask(): Promise<ClaudeVersion> {
    const binary = this.find();
    if ('missing' in binary) return { failed: binary.missing };
    const file = await identity(binary.path);
    const known = this.#known?.file === file ? this.#known : this.#askAnew(file, binary.path);
    const answer = await known.answer;
    if ('failed' in answer && monotonicMs() - known.askedAtMs > ASK_AGAIN_MS && this.#known === known) this.#known = undefined;
    return answer;
  }

  #askAnew(file: string, path: string): KnownVersion {
    this.#known = { file, askedAtMs: monotonicMs(), answer: claudeVersion(path).catch((error: unknown) => ({ failed: `claude was not started: ${error instanceof Error ? error.message : String(error)}` })) };
    return this.#known;
  }
}

async function identity(path: string): Promise<string> {
  const file = await stat(path).catch(() => undefined);
  return `${path} ${file?.mtimeMs} ${file?.size}`;
}
