// Limits of the HTTP API, with their units in the names.

export const LIMITS = {
  promptBytes: 4 * 1024 * 1024,
  bodyBytes: 8 * 1024 * 1024,
  waitSeconds: 60,
  pageSize: 100,
  defaultPageSize: 20,
  eventPageSize: 1000,
  defaultEventPageSize: 100,
  metadataPairs: 16,
  metadataKeyLength: 64,
  metadataValueLength: 512,
  tags: 10,
  tagLength: 64,
  nameLength: 200,
  tools: 200,
  toolLength: 1000,
  systemPromptBytes: 1024 * 1024,
  outputSchemaBytes: 256 * 1024,
  timeoutSeconds: 24 * 60 * 60,
  idempotencyKeyLength: 255,
  /** Priorities go from minus this to plus this; a higher number is taken sooner. */
  priority: 10,
  /** How far ahead run_at may lie: ten years. */
  runAheadMs: 3653 * 24 * 60 * 60 * 1000,
  expiresInSeconds: 30 * 24 * 60 * 60,
  idsAtOnce: 1000,
  optionValueBytes: 32 * 1024,
  environmentVariables: 100,
  mcpServers: 20,
  mcpArguments: 100,
} as const;

/** Length of a text in bytes of UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
