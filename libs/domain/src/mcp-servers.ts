// The MCP servers that a run gives to Claude.
import { z } from 'zod';
import { VariableName } from './environment.js';
import { LIMITS } from './limits.js';
import { textOrSecret } from './secret-reference.js';

/** Not `__`: it separates server and tool in `mcp__server__tool`. */
const SERVER_NAME = /^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** The CLI 2.1.330 leaves servers of these names out without a word, or hides their tools. */
const TAKEN_NAMES = new Set(['ide', 'workspace', 'claude-in-chrome', 'computer-use']);
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/;

const ONE_LINE = { pattern: /^[^\r\n\0]*$/, message: 'must be one line' };
const HTTP_URL = { pattern: /^https?:\/\/[^\s/@?#][^\s]*$/i, message: 'must be an address that begins with http:// or https://' };

const StdioServer = z
  .strictObject({
    type: z.literal('stdio'),
    command: textOrSecret(LIMITS.toolLength, { pattern: /^(?=.*\S)[^\r\n\0]+$/, message: 'must be a program on the worker, on one line' }),
    args: z.array(textOrSecret()).max(LIMITS.mcpArguments).optional(),
    env: z
      .record(VariableName, textOrSecret())
      .superRefine((variables, context) => {
        for (const name of Object.keys(variables).filter((variable) => variable.startsWith('RUNYARD_'))) {
          context.addIssue({ code: 'custom', path: [name], message: 'is decided by Runyard: use another name' });
        }
      })
      .optional()
      .describe('Added to the environment of the run.'),
  })
  .meta({ id: 'McpStdioServer' });

const remote = <T extends 'http' | 'sse'>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    url: textOrSecret(LIMITS.optionValueBytes, HTTP_URL),
    headers: z.record(z.string().regex(HEADER_NAME, 'must be named like an HTTP header'), textOrSecret(LIMITS.optionValueBytes, ONE_LINE)).optional(),
  });

export const McpServer = z
  .discriminatedUnion('type', [StdioServer, remote('http').meta({ id: 'McpHttpServer' }), remote('sse').meta({ id: 'McpSseServer' })])
  .meta({ id: 'McpServer' });
export type McpServer = z.infer<typeof McpServer>;

const ServerName = z
  .string()
  .regex(SERVER_NAME, 'must be named with at most 64 letters, digits, - and _, beginning with a letter or digit, without __')
  .refine((name) => !TAKEN_NAMES.has(name.toLowerCase()), 'is a name that the CLI keeps for itself: choose another one');

export const McpServers = z
  .record(ServerName, McpServer)
  .refine((servers) => Object.keys(servers).length <= LIMITS.mcpServers, `must not have more than ${LIMITS.mcpServers} servers`)
  .describe('MCP servers by name. Their tools are called mcp__<server>__<tool>, also in allowed_tools. The run fails when one cannot be used.');
export type McpServers = z.infer<typeof McpServers>;
