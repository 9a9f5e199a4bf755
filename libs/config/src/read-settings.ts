// Environment → typed settings: `NAME` or `NAME_FILE`, an empty string counts as unset, all problems reported at once.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { hostEnvironment } from './host-environment.js';
import type { Environment } from './host-environment.js';
import { settingFields, settingMeta } from './setting-names.js';
import { SettingsError } from './settings-error.js';
import type { SettingsProblem } from './settings-error.js';

/**
 * Parses the variables that `schema` names. Every one may be given as `<NAME>_FILE` with a path instead; the content is trimmed.
 * Throws SettingsError that lists every bad variable; secret values are never quoted.
 */
export function readSettings<S extends z.ZodType>(schema: S, env: Environment = hostEnvironment()): z.infer<S> {
  const fields = settingFields(schema);
  const values: Record<string, string> = {};
  const problems: SettingsProblem[] = [];
  for (const name of Object.keys(fields)) {
    const read = readOne(name, env);
    if ('fix' in read) problems.push(read);
    else if (read.value !== undefined) values[name] = read.value;
  }
  const alreadyBad = new Set(problems.map((problem) => problem.name.replace(/_FILE$/, '')));
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0] ?? 'settings');
      if (alreadyBad.has(name)) continue;
      alreadyBad.add(name);
      problems.push({ name, fix: fixOf(issue.message, values[name], fields[name]) });
    }
  }
  if (problems.length > 0 || !parsed.success) throw new SettingsError(problems);
  return parsed.data;
}

function readOne(name: string, env: Environment): { readonly value: string | undefined } | SettingsProblem {
  const direct = env[name] || undefined;
  const fileVariable = `${name}_FILE`;
  const path = env[fileVariable] || undefined;
  if (path === undefined) return { value: direct };
  if (direct !== undefined) return { name, fix: `and ${fileVariable} are both set: keep one of them` };
  try {
    const value = readFileSync(path, 'utf8').trim();
    // An empty secret file is a broken mount, not a wish for the default.
    return value === '' ? { name: fileVariable, fix: `names an empty file: ${path}` } : { value };
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { name: fileVariable, fix: `names a file that cannot be read (${reason}): ${path}` };
  }
}

function fixOf(message: string, value: string | undefined, field: z.ZodType | undefined): string {
  if (value === undefined) return 'is required: set it, or its _FILE form';
  const hidden = field === undefined || settingMeta(field).secret;
  return hidden ? message : `${message}, not "${value.slice(0, 100)}"`;
}
