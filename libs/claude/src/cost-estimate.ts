// The price of tokens that no result of the CLI has priced. Pure.
import type { Usage } from '@runyard/domain';

/** US dollars for a million tokens. */
interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

/** Writing to the cache for five minutes, in prices of input. What is kept for an hour costs more and is not told apart here. */
const CACHE_WRITE = 1.25;

/**
 * Read off what the CLI 2.1.330 itself makes of known token counts (`costUSD` in `modelUsage`, all with `costBasis: "list"`).
 * For a model that it does not know it takes the price of its default model and says `costBasis: "unknown"`: here undefined.
 */
const PRICES: readonly (readonly [models: readonly string[], price: Price])[] = [
  [['opus-5-5'], { input: 4, output: 20, cacheRead: 0.2 }],
  [['opus-5', 'opus-4-8', 'opus-4-7', 'opus-4-6', 'opus-4-5'], { input: 5, output: 25, cacheRead: 0.5 }],
  [['sonnet-5-5'], { input: 2, output: 10, cacheRead: 0.1 }],
  [['sonnet-5'], { input: 2, output: 10, cacheRead: 0.2 }],
  [['sonnet-4-6', 'sonnet-4-5', 'sonnet-4', '3-7-sonnet'], { input: 3, output: 15, cacheRead: 0.3 }],
  [['haiku-5-5'], { input: 0.1, output: 0.5, cacheRead: 0.01 }],
  [['haiku-4-5'], { input: 1, output: 5, cacheRead: 0.1 }],
  [['3-5-haiku'], { input: 0.8, output: 4, cacheRead: 0.08 }],
  [['fable-5', 'mythos-5'], { input: 10, output: 50, cacheRead: 1 }],
];

/** A further version number makes another model; a date, `-latest` or a provider's suffix does not. */
const BY_NAME = PRICES.flatMap(([models, price]) => models.map((model) => ({ name: new RegExp(`claude-${model}(?![0-9])(?!-[0-9]{1,2}(?![0-9]))`), price })));

/** In US dollars, never negative; undefined for a model whose price is not known. */
export function estimateCostUsd(model: string, usage: Usage): number | undefined {
  const price = BY_NAME.find(({ name }) => name.test(model))?.price;
  if (price === undefined) return undefined;
  const millionths =
    usage.input_tokens * price.input +
    usage.output_tokens * price.output +
    usage.cache_read_input_tokens * price.cacheRead +
    usage.cache_creation_input_tokens * price.input * CACHE_WRITE;
  // As in usage.ts: a hundredth of a micro-dollar is kept.
  return Number((millionths / 1e6).toFixed(8));
}

/** The same for tokens by model; undefined when there are none or a model among them has no known price. */
export function estimateCostOfModelsUsd(usageByModel: ReadonlyMap<string, Usage>): number | undefined {
  if (usageByModel.size === 0) return undefined;
  let sum = 0;
  for (const [model, usage] of usageByModel) {
    const cost = estimateCostUsd(model, usage);
    if (cost === undefined) return undefined;
    sum += cost;
  }
  return Number(sum.toFixed(8));
}
