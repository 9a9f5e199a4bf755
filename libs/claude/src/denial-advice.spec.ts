import { expect, test } from 'vitest';
import { allowedToolsEntry, describeDenials } from './denial-advice.js';
import type { Denial } from './denials.js';

const APPROVAL = 'This command requires approval';
const OUTSIDE = "touch in '/tmp/x' needs approval. The path is outside the working directories for this session";
const INSIDE = "touch in '/w/x' needs approval. The path is inside the working directories for this session";
const BLOCKED = "ls in '/root' was blocked. For security, Claude Code may only list files in the allowed working directories";
const denial = (toolName: string, input: Denial['input'], message = APPROVAL): Denial => ({ toolUseId: 'a', toolName, input, message, unanswered: true });

test.each([
  [denial('Bash', { command: 'npm test' }), 'Bash(npm test)'],
  [denial('Bash', { command: '  npm test\n' }), 'Bash(npm test)'],
  [denial('Bash', { command: 'touch /tmp/x' }, OUTSIDE), 'Bash'],
  [denial('Bash', { command: 'touch x' }, INSIDE), 'Bash(touch x)'],
  [denial('Bash', { command: 'ls /root' }, BLOCKED), 'Read(//root)'],
  [denial('Bash', { command: 'curl a | head -1' }), 'Bash'],
  [denial('Bash', { command: 'a && b' }), 'Bash'],
  [denial('Bash', { command: 'echo $(id)' }), 'Bash'],
  [denial('Bash', { command: 'first\nsecond' }), 'Bash'],
  [denial('Bash', {}), 'Bash'],
  [denial('Bash', { command: 'rm -rf /' }, 'This requires explicit approval and cannot be auto-allowed by permission rules.'), undefined],
  [denial('Write', { file_path: '/x' }), 'Write'],
  [denial('WebFetch', { url: 'https://example.com/a?b' }), 'WebFetch(domain:example.com)'],
  [denial('WebFetch', { url: 'no url' }), 'WebFetch'],
  [denial('mcp__github__create_issue', {}), 'mcp__github__create_issue'],
])('%o → %s', (given, entry) => {
  expect(allowedToolsEntry(given)).toBe(entry);
});

test('several denials in one message, each thing once, long ones cut', () => {
  const long = denial('Bash', { command: `echo ${'x'.repeat(500)}` });
  const text = describeDenials([denial('Write', { file_path: '/a' }), denial('Write', { file_path: '/b' }), denial('Write', { file_path: '/a' }), long]);
  expect(text).toMatch(/^Nobody could answer the permission request for Write \(\/a\), Write \(\/b\), Bash \(echo x{195}…\)\. Allowed by allowed_tools: "Write", "Bash\(echo x+\)"\.$/);
});

test('more than five are counted', () => {
  const many = Array.from({ length: 8 }, (_, index) => denial('Bash', { command: `step ${index}` }));
  expect(describeDenials(many)).toContain('Bash (step 4), and 3 more.');
});
