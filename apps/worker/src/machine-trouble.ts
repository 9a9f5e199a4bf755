// What the machine of this worker refuses before a process of the run exists: no fault of the run, and another worker may do better.

/** Thrown before anything of the attempt was started. */
export class MachineTrouble extends Error {}

/** Does a step that comes before the process. @throws MachineTrouble instead of an error of the operating system; other errors as they are */
export async function onThisMachine<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw isOfTheSystem(cause) ? new MachineTrouble(cause.message, { cause }) : cause;
  }
}

/** Node gives these the name of the call that was refused. */
function isOfTheSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
