// Why there is no local Redis; the message is for the user and says what to do next.

export type LocalRedisErrorCode = 'no_server' | 'already_running' | 'did_not_start' | 'bad_directory';

export class LocalRedisError extends Error {
  override readonly name = 'LocalRedisError';
  readonly code: LocalRedisErrorCode;

  constructor(code: LocalRedisErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
