// Which files of a workspace would rule the CLI if its settings were trusted.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

/** What the CLI 2.1 reads of a project when its settings are trusted, besides CLAUDE.md. */
const PROJECT_SETTINGS = [
  '.mcp.json',
  '.claude/settings.json',
  '.claude/settings.local.json',
  '.claude/agents',
  '.claude/commands',
  '.claude/output-styles',
  '.claude/rules',
  '.claude/skills',
] as const;

/** Paths relative to `workspace` of the names that exist there, in the order asked. A dangling link counts as existing. */
export async function existingOf(workspace: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map((name) => lstat(join(workspace, name)).then(() => true, () => false)));
  return names.filter((_, index) => found[index]);
}

/** The project settings that exist in `workspace`, relative to it: what a run that does not trust it leaves aside. */
export async function projectSettings(workspace: string): Promise<string[]> {
  return existingOf(workspace, PROJECT_SETTINGS);
}
