// The environment of this process: the only file that reads process.env.

/** An environment: names to values, without the names that have no value. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A frozen copy of the whole environment, for code that builds the environment of a child from an allow-list. */
export function hostEnvironment(): Readonly<Record<string, string>> {
  const copy: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) copy[name] = value;
  }
  return Object.freeze(copy);
}
