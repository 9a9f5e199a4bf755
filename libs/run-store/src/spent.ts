// What the attempts of a run have used up by the time it leaves a worker: whoever ends it later without a worker says so.
import type { Outcome } from '@runyard/domain';

/** Of all attempts together; the fields of an outcome that tell it. */
export type SpentSoFar = Pick<Outcome, 'usage' | 'cost_usd' | 'cost_estimated' | 'num_turns' | 'duration_ms'>;

/** Its fields as they stand at the end of an outcome's JSON. */
export function spentJson({ usage, cost_usd, cost_estimated, num_turns, duration_ms }: SpentSoFar): string {
  return JSON.stringify({ usage, cost_usd, cost_estimated, num_turns, duration_ms }).slice(1, -1);
}

const NOTHING = spentJson({ usage: null, cost_usd: null, cost_estimated: false, num_turns: null, duration_ms: null });

/**
 * Lua. `note_spent(run, spent)`: remembers it for the attempt of the run, '' for nothing.
 * `with_spent(run, outcome)`: the outcome with it, unless it tells itself what was used up. What a lost attempt has used up since then is not in it;
 * where nothing else is known either, `cost_estimated` says that the null stands for something.
 */
export const SPENT_LUA = `
local function note_spent(run, spent)
  if spent ~= '' then redis.call('HSET', run_key(run.id), 'spent', int(run.attempt) .. ' ' .. spent) end
end
local function with_spent(run, outcome)
  local nothing = [==[${NOTHING}}]==]
  if string.sub(outcome, -#nothing) ~= nothing then return outcome end
  local noted = redis.call('HGET', run_key(run.id), 'spent') or ('0 ' .. string.sub(nothing, 1, -2))
  local attempt, spent = string.match(noted, '^(%d+) (.*)$')
  if run.spawned > tonumber(attempt) then spent = string.gsub(spent, '"cost_estimated":false', '"cost_estimated":true', 1) end
  return string.sub(outcome, 1, -#nothing - 1) .. spent .. '}'
end
`;
