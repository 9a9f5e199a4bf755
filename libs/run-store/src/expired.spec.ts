// What a run says that nobody took in time: something that is true however it came about.
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import { created } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let store: RunStore;
onStoreStand((stand) => ({ store } = stand));

test('an expired run does not claim that workers were busy: the queue may have been paused', async () => {
  const { id } = await created(store, { prompt: 'x', expires_in_seconds: 1 });
  await waitFor(async () => (await store.queued.advance(10), (await store.get(id))?.status === 'failed'), { what: 'the run to expire' });
  expect((await store.get(id))?.outcome?.failure).toMatchObject({ code: 'expired', message: expect.stringMatching(/^No worker took the run .*no.* room, or the queue was paused\.$/) });
});
