// How a marker is defined: its arguments as a schema, and what it makes of them.
import { z } from 'zod';
import type { Fault } from './fault.js';
import type { Reply } from './reply.js';
import type { Scene } from './scene.js';

/** A fault and when it happens: in the first `fail` requests (always, if undefined) of round `round` (any, if undefined). */
export interface PlannedFault {
  readonly fault: Fault;
  readonly fail: number | undefined;
  readonly round: number | undefined;
}

export type Effect =
  | { readonly kind: 'content'; readonly reply: (scene: Scene) => Reply }
  | { readonly kind: 'fault'; readonly planned: PlannedFault };

export interface Marker {
  /** As one would write it, for the list of markers. */
  readonly usage: string;
  readonly about: string;
  /** What the marker does with these arguments, or why it cannot. */
  readonly read: (args: unknown) => Effect | { readonly problem: string };
}

/** A marker that decides what the model says and calls. */
export function contentMarker<S extends z.ZodType>(
  usage: string,
  about: string,
  schema: S,
  reply: (args: z.infer<S>, scene: Scene) => Reply,
): Marker {
  return { usage, about, read: reading(schema, (args) => ({ kind: 'content', reply: (scene) => reply(args, scene) })) };
}

const occasion = { fail: z.coerce.number().int().min(1).optional(), round: z.coerce.number().int().min(0).optional() };

/** A marker that makes requests fail. Its arguments are `shape` plus `fail` and `round`. */
export function faultMarker<S extends z.ZodRawShape>(
  usage: string,
  about: string,
  shape: S,
  fault: (args: z.infer<z.ZodObject<S>>) => Fault | { readonly problem: string },
): Marker {
  const occasionSchema = z.object(occasion);
  const known = z.strictObject({ ...shape, ...occasion });
  const read = reading(known, (args): Effect | { readonly problem: string } => {
    const made = fault(z.object(shape).parse(args));
    if ('problem' in made) return made;
    const { fail, round } = occasionSchema.parse(args);
    return { kind: 'fault', planned: { fault: made, fail, round } };
  });
  return { usage, about, read };
}

function reading<S extends z.ZodType, E>(schema: S, use: (args: z.infer<S>) => E): (args: unknown) => E | { readonly problem: string } {
  return (args) => {
    const parsed = schema.safeParse(args);
    if (parsed.success) return use(parsed.data);
    return { problem: parsed.error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': ')).join('; ') };
  };
}

/** Argument types, with bounds that keep one prompt from filling the memory. */
export const count = z.coerce.number().int().min(0).max(100_000);
export const kilobytes = z.coerce.number().int().min(1).max(65_536);
export const delayMs = z.coerce.number().min(0).max(600_000);
