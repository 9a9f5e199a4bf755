// Takes the worker's own credentials out of text that is going to be shown.

/** Names of variables whose values are credentials. */
const CREDENTIAL_NAME = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|HEADERS)$/i;
/** Shorter values would blank out ordinary words. */
const SHORTEST = 8;

/** A function that replaces every credential value of `environment` by `[redacted]`. */
export function credentialRedactor(environment: Readonly<Record<string, string>>): (text: string) => string {
  const values = Object.entries(environment)
    .filter(([name, value]) => CREDENTIAL_NAME.test(name) && value.length >= SHORTEST)
    .map(([, value]) => value)
    // Longest first, so that a value that contains another one goes as a whole.
    .toSorted((a, b) => b.length - a.length);
  return (text) => values.reduce((rest, value) => rest.replaceAll(value, '[redacted]'), text);
}
