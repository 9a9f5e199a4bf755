// Aliases of a YAML document: each stands for something, none for itself, and together they do not make a huge value.
import { isAlias, isCollection, isPair } from 'yaml';
import type { Document, Node } from 'yaml';

/** Values after every alias is replaced: thousands of schedules have fewer. */
const MAX_VALUES = 200_000;

export interface AliasFault {
  /** Where in the text. */
  readonly offset: number;
  readonly message: string;
}

class FoundFault extends Error {
  constructor(readonly fault: AliasFault) {
    super(fault.message);
  }
}

/** The first fault of the aliases, if there is one. */
export function aliasFault({ contents }: Document.Parsed): AliasFault | undefined {
  try {
    new Weighing().weigh(contents);
    return undefined;
  } catch (error) {
    if (error instanceof FoundFault) return error.fault;
    throw error;
  }
}

/** Counts values in the order of the text, so that an anchor is known before its aliases. */
class Weighing {
  readonly #anchors = new Map<string, Node>();
  /** Of nodes that are done; those with an anchor that are not stand around what is being looked at. */
  readonly #weights = new Map<Node, number>();

  weigh(node: unknown): number {
    if (isPair(node)) return this.weigh(node.key) + this.weigh(node.value);
    if (isAlias(node)) return this.#weighAlias(node.source, node.range?.[0] ?? 0);
    const one = node as Node | null;
    if (one && 'anchor' in one && typeof one.anchor === 'string') this.#anchors.set(one.anchor, one);
    let weight = 1;
    for (const item of isCollection(one) ? one.items : []) {
      weight += this.weigh(item);
      if (weight > MAX_VALUES) throw new FoundFault({ offset: offsetOf(item), message: `aliases make more than ${MAX_VALUES} values of it` });
    }
    if (one) this.#weights.set(one, weight);
    return weight;
  }

  #weighAlias(name: string, offset: number): number {
    const anchor = this.#anchors.get(name);
    if (!anchor) throw new FoundFault({ offset, message: `*${name} stands for nothing: there is no anchor &${name} before it` });
    const weight = this.#weights.get(anchor);
    if (weight === undefined) throw new FoundFault({ offset, message: `*${name} stands within &${name}, so it would have no end` });
    return weight;
  }
}

function offsetOf(item: unknown): number {
  const node = isPair(item) ? item.key : item;
  return (node as Node | null)?.range?.[0] ?? 0;
}
