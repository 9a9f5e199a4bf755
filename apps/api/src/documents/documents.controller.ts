// Documents for people who read the API with a browser; the page itself is at /docs.
import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { errorsPage } from './errors-page.js';
import { eventsPage } from './events-page.js';

const TYPE = 'text/plain; charset=utf-8';

@ApiExcludeController()
@Controller('docs')
export class DocumentsController {
  /** Where `type` of a problem document leads. */
  @Get('errors')
  @Header('content-type', TYPE)
  errors(): string {
    return errorsPage();
  }

  @Get('events')
  @Header('content-type', TYPE)
  events(): string {
    return eventsPage();
  }
}
