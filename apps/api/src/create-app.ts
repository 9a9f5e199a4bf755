// The Nest application on its Fastify server, not yet listening.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import { ApiModule } from './api.module.js';
import type { ApiParts } from './api.module.js';
import type { AccessRules } from './auth/access.js';
import { KeyCheck } from './auth/key-check.js';
import { mountDashboard } from './dashboard/dashboard.js';
import { openApiDocument } from './documents/openapi-document.js';
import { createHttpServer } from './http/http-server.js';
import { llmsPage } from './http/llms-page.js';
import { refuseParameters, UnknownParametersGuard } from './http/unknown-parameters.guard.js';

/** Routes are registered, nothing listens yet. */
export async function createApp(parts: ApiParts, access: AccessRules): Promise<NestFastifyApplication> {
  const { logger, closing, routes, version } = parts.context;
  const server = await createHttpServer({ access, logger, closing, routes });
  await mountDashboard(server, { store: parts.store, queue: parts.queue, logger });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.of(parts, new KeyCheck(access.key)), new FastifyAdapter(server), {
    bodyParser: false, // the server has its own, for JSON only
    logger: false, // what Nest tells while it starts is its own business
    abortOnError: false,
  });
  app.useGlobalGuards(new UnknownParametersGuard());
  const document = openApiDocument(app, version);
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Runyard API',
  });
  const page = llmsPage(document);
  server.get('/llms.txt', async (request, reply) => {
    refuseParameters(request);
    return reply.type('text/plain; charset=utf-8').send(page);
  });
  await app.init();
  app.useLogger(app.get(Logger));
  return app;
}
