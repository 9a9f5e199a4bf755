// Every generated document, for scripts/generate-docs.mjs: nothing listens and no Redis is needed.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ApiModule } from '../api.module.js';
import { VERSION } from '../version.js';
import { configurationPage } from './configuration-page.js';
import { errorsPage } from './errors-page.js';
import { eventsPage } from './events-page.js';
import { openApiDocument } from './openapi-document.js';

/** File name in docs/ → text. */
export async function allDocuments(): Promise<Record<string, string>> {
  return {
    'openapi.json': await openApiJson(),
    'errors.md': errorsPage(),
    'events.md': eventsPage(),
    'configuration.md': configurationPage(),
  };
}

/** In preview mode Nest reads the controllers without making anything. */
async function openApiJson(): Promise<string> {
  const app = await NestFactory.create(ApiModule.forDocuments(), new FastifyAdapter(), { preview: true, logger: false, abortOnError: false });
  return `${JSON.stringify(openApiDocument(app, VERSION), null, 2)}\n`;
}
