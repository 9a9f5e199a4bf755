// docs/configuration.md: every setting.
import { describeSettings } from '@runyard/config';
import { GENERATED, row, table } from './markdown.js';

/** Markdown, from the schemas in libs/config. */
export function configurationPage(): string {
  const rows = describeSettings().map((setting) =>
    row(`\`${setting.name}\``, setting.default === null || setting.default === '' ? '' : `\`${setting.default}\``, setting.unit ?? '', setting.apps.join(', '), `${setting.description}${setting.secret ? ' Secret.' : ''}`),
  );
  return [
    '# Configuration',
    GENERATED,
    [
      'Settings are environment variables. Each may also be given as `<NAME>_FILE`: the path of a file with the value, for secrets that are mounted.',
      'An empty value counts as unset. A wrong one stops the start with a message that names it (exit code 78).',
      'The settings of Claude Code itself (`ANTHROPIC_*`, `CLAUDE_CODE_*`, proxies) are passed on to it.',
    ].join('\n'),
    table(['name', 'default', 'unit', 'read by', 'meaning'], rows),
    'Workers also read `RUNYARD_SECRET_<NAME>` and `RUNYARD_SECRET_<NAME>_FILE`, the secrets that runs may name: docs/security.md.',
  ].join('\n\n').concat('\n');
}
