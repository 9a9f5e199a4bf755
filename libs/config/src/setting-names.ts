// Finds the variables that a settings schema names, with their field schemas.
import { z } from 'zod';

/** The fields of an object schema, also when the object was piped through a transform. Throws on any other schema. */
export function settingFields(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  if (schema instanceof z.ZodObject) return schema.shape as Record<string, z.ZodType>;
  if (schema instanceof z.ZodPipe) return settingFields(schema.def.in as z.ZodType);
  throw new TypeError('a settings schema must be a zod object');
}

/** What a field says about itself through `.meta()`. */
export interface SettingMeta {
  readonly description: string;
  readonly secret: boolean;
  readonly unit: string | null;
}

/** Reads `.meta({ description, secret, unit })` of one field; missing entries get neutral values. */
export function settingMeta(field: z.ZodType): SettingMeta {
  const meta = field.meta() ?? {};
  return {
    description: meta.description ?? '',
    secret: meta['secret'] === true,
    unit: typeof meta['unit'] === 'string' ? meta['unit'] : null,
  };
}

/** The default of a field as a user would write it, or null when it has none. */
export function settingDefault(field: z.ZodType): string | null {
  if (!(field instanceof z.ZodDefault)) return null;
  const value: unknown = field.def.defaultValue;
  return Array.isArray(value) ? value.join(',') : String(value);
}
