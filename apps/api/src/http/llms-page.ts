// /llms.txt: the API on one page, for language models that are to use it. Made from the OpenAPI document.
import type { OpenAPIObject } from '@nestjs/swagger';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Markdown as llmstxt.org describes it: a title, a summary, what one must know, then every operation by its tag. */
export function llmsPage({ info, tags = [], paths }: Pick<OpenAPIObject, 'info' | 'tags' | 'paths'>): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => (item[method] ? [{ tag: item[method].tags?.[0], line: `- \`${method.toUpperCase()} ${path}\`: ${item[method].summary ?? ''}` }] : [])),
  );
  const sections = tags.map(({ name, description = '' }) => [`## ${name}`, description, operations.filter(({ tag }) => tag === name).map(({ line }) => line).join('\n')].join('\n\n'));
  return `${[`# ${info.title} ${info.version}`, `> ${info.description ?? ''}`, INTRODUCTION, ...sections, DOCUMENTS].join('\n\n')}\n`;
}

const INTRODUCTION = `A run is one request to run the \`claude\` command line once: a prompt and options. A worker takes it from the queue; it lives on without the connection that made it.

- Every request needs \`Authorization: Bearer <key>\`; only \`/livez\`, \`/readyz\` and \`/healthz\` do not. \`runyard key\` shows the key.
- Ask and wait for the answer, at most 60 s: \`POST /v1/runs\` with \`Content-Type: application/json\`, \`Prefer: wait=60\` and \`{"prompt":"Say hello"}\`. Status 201; the answer is \`result\` once \`status\` is \`succeeded\`. Other ends are \`failed\` (see \`failure\`) and \`canceled\`; \`waiting\` says in \`waiting_for\` for what.
- Still \`queued\` or \`running\`? \`GET /v1/runs/{id}\` with \`Prefer: wait=60\` again, or \`GET /v1/runs/{id}/events\` with \`Accept: text/event-stream\`.
- Send an \`Idempotency-Key\` of your own with every POST that makes a run: repeated after a lost answer, it makes no second run.
- Go on with a conversation: \`session_id\` of an earlier run in the body.
- Errors are \`application/problem+json\` with a \`code\` and, where fields are wrong, \`errors: [{field, message}]\` that say how to mend them. Unknown fields and parameters are refused. 429 and 503 carry \`Retry-After\`.
- Lists answer \`{data, next_page}\`; \`?page=<next_page>\` gives the next page.`;

const DOCUMENTS = `## Documents

- [/openapi.json](/openapi.json): every field, limit and answer (OpenAPI 3.1)
- [/docs/errors](/docs/errors): problem codes of the API and failure codes of runs
- [/docs/events](/docs/events): types of events and states of a run`;
