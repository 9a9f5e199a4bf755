// The id of a schedule in a path: text that cannot be one is unknown to all but PUT, which says what an id looks like.
import { Injectable } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { ProblemError, ScheduleId } from '@runyard/domain';

@Injectable()
export class ScheduleIdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (!ScheduleId.safeParse(value).success) throw noSuchSchedule();
    return value;
  }
}

@Injectable()
export class NewScheduleIdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    const message = ScheduleId.safeParse(value).error?.issues[0]?.message;
    if (message !== undefined) throw new ProblemError('invalid_request', undefined, [{ field: 'id', message }]);
    return value;
  }
}

export function noSuchSchedule(): ProblemError {
  return new ProblemError('not_found', 'There is no such schedule.');
}
