// The kinds of settings: text → checked value. Each message completes the sentence "<NAME> …".
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parseRedisUrl } from './redis-url.js';

/** A whole number from `min` to `max`, written in decimal digits. */
export function wholeNumber(min: number, max: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, { error, abort: true })
    .refine((text) => Number(text) >= min && Number(text) <= max, { error })
    .transform(Number);
}

/** A TCP port; 0 lets the system choose. */
export const port = wholeNumber(0, 65_535);

/** A TCP port, or `off` (undefined): do not listen. */
export const portOrOff = z.union([z.literal('off').transform(() => undefined), port], { error: 'must be a whole number from 0 to 65535, or off' });

/** `1`, `true`, `yes` or `0`, `false`, `no`. */
export const flag = z
  .string()
  .regex(/^(1|true|yes|0|false|no)$/i, { error: 'must be 1 or 0' })
  .transform((text) => /^(1|true|yes)$/i.test(text));

/** A name or address to listen on, without port or scheme. */
export const host = z.string().regex(/^[A-Za-z0-9_.:%-]+$/, { error: 'must be a host name or an IP address, without port' });

/** A directory or file path; relative paths are resolved by whoever uses the setting. */
export const path = z.string().regex(/^[^\0]+$/, { error: 'must be a path' });

/** How an absolute path is asked for. */
export const absolutePath = z.string().refine(isAbsolute, { error: 'must be an absolute path' });

/** Absolute paths separated by `:`. */
export const absolutePaths = z
  .string()
  .transform((text) => text.split(':').filter((part) => part !== ''))
  .refine((parts) => parts.every((part) => isAbsolute(part)), { error: 'must be absolute paths separated by ":"' });

/** Host header values separated by commas: `name` or `name:port`. */
export const hostHeaders = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim().toLowerCase()).filter((part) => part !== ''))
  .refine((parts) => parts.every((part) => /^[a-z0-9_.[\]:-]+$/.test(part)), {
    error: 'must be host names separated by commas, each with or without a port',
  });

/** A key that cannot be guessed by trying: at least 16 visible ASCII characters. */
export const apiKey = z.string().regex(/^[\x21-\x7e]{16,512}$/, {
  error: 'must be 16 to 512 visible ASCII characters without spaces (for example the output of: openssl rand -hex 24)',
});

/** The address of Redis; see `parseRedisUrl`. */
export const redisUrl = z.string().refine((text) => parseRedisUrl(text) !== null, {
  error: 'must be redis://host:port, rediss://host:port or unix:///path/of/socket',
});

/** A command as people type it: printable ASCII, because it is shown on terminals and in logs. */
export const command = z.string().regex(/^[\x20-\x7e]{1,200}$/, { error: 'must be a command of at most 200 printable ASCII characters' });

/** An http or https address without a query; a trailing slash is dropped. */
export const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).search === '', {
    error: 'must be an address such as http://127.0.0.1:8080',
  })
  .transform((text) => text.replace(/\/+$/, ''));

/** How much is logged. */
export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
  error: 'must be trace, debug, info, warn, error, fatal or silent',
});
