// `runyard key`: the API key of the local stack.
import { commandSetting } from '@runyard/config';
import type { Command } from 'commander';
import { findTarget } from './connection.js';
import type { Target } from './connection.js';
import { commandName, hint } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT, Refusal } from './exit-codes.js';
import { adminKeyPath } from './server-file.js';

/** Adds the command to the program. */
export function addKey(program: Command, finish: Finish): void {
  program
    .command('key')
    .summary('print the API key')
    .description('Prints the API key that the other commands use, for curl and other clients.')
    .option('--path', 'print the path of the file that holds it')
    .action((options: { path?: boolean }) =>
      finish(async (context) => {
        const target = await findTarget(context);
        const path = adminKeyPath(target.dataDir);
        if (options.path) {
          context.stdout.write(`${path}\n`);
          return EXIT.ok;
        }
        if (target.key === undefined) {
          throw new Refusal(EXIT.notFound, `There is no key in ${path} that this user may read.`, `It is made when Runyard starts for the first time${commandSetting(context.env) === undefined ? ': npm start' : '.'}`);
        }
        context.stdout.write(`${target.key}\n`);
        if (context.stdout.isTTY) hint(context, `From ${target.keyFrom === 'admin.key' ? path : target.keyFrom}. ${useOf(target, context)}`);
        return EXIT.ok;
      }),
    );
}

/** Our address inside a container is not the one outside, and a terminal of docker would add a carriage return to the key. */
function useOf({ url }: Target, context: Context): string {
  if (commandSetting(context.env) !== undefined) return 'Send it as the header Authorization: Bearer <key>; in a browser it is the password.';
  return `Use it: curl -H "Authorization: Bearer $(${commandName(context)} key)" ${url}/v1/runs`;
}
