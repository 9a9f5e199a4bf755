// For open routes that tell more to those who have the key.
import type { FastifyRequest } from 'fastify';
import { digestOf, presentsKey } from './presented-key.js';
import type { KeyDigest } from './presented-key.js';

/** Injected by its class. */
export class KeyCheck {
  readonly #digest: KeyDigest;

  constructor(key: string) {
    this.#digest = digestOf(key);
  }

  /** True when the request carries the key, as Bearer or as the password of Basic. */
  isPresentedBy(request: FastifyRequest): boolean {
    return presentsKey(request.headers.authorization, this.#digest, true);
  }
}
