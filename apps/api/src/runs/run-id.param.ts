// The id in a path: text that cannot be an id of a run is answered like an unknown one, and never reaches a Redis key.
import { Injectable } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { idSchema, ProblemError } from '@runyard/domain';

const RunId = idSchema('run');

@Injectable()
export class RunIdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (!RunId.safeParse(value).success) throw noSuchRun();
    return value;
  }
}

export function noSuchRun(): ProblemError {
  return new ProblemError('not_found', 'There is no such run.');
}
