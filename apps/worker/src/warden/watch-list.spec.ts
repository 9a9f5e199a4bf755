// What the warden watches, in every order of messages, and how messages survive the pipe.
import { expect, test } from 'vitest';
import { WatchList } from './watch-list.js';
import { decodeLines, encodeLine } from './warden-protocol.js';
import type { AboutMark } from './warden-protocol.js';

const watch = (mark: string, deadlineAtMs: number): AboutMark => ({ type: 'watch', mark, deadlineAtMs, directories: [] });

test('a mark is expired from its deadline on, until it is renewed or released', () => {
  const list = new WatchList();
  list.take(watch('a', 100));
  list.take(watch('b', 200));
  const expiredAt = (nowMs: number) => list.expired(nowMs).map((watched) => watched.mark);
  expect([expiredAt(99), expiredAt(100), expiredAt(200)]).toEqual([[], ['a'], ['a', 'b']]);
  list.take({ type: 'renew', mark: 'a', deadlineAtMs: 300 });
  expect(expiredAt(250)).toEqual(['b']);
  list.take({ type: 'release', mark: 'b' });
  expect(expiredAt(1000)).toEqual(['a']);
});

test('the process is remembered, also when the mark is watched again by a new warden', () => {
  const list = new WatchList();
  list.take({ type: 'process', mark: 'a', pid: 7 });
  list.take({ type: 'renew', mark: 'a', deadlineAtMs: 5 });
  expect(list.all()).toEqual([]);
  list.take({ type: 'watch', mark: 'a', deadlineAtMs: 1, directories: ['/tmp/x'] });
  list.take({ type: 'process', mark: 'a', pid: 7 });
  list.take({ type: 'watch', mark: 'a', deadlineAtMs: 2, directories: ['/tmp/x'] });
  expect(list.all()).toEqual([{ mark: 'a', deadlineAtMs: 2, directories: ['/tmp/x'], pid: 7 }]);
});

test('messages arrive whole whatever way the pipe cuts them', async () => {
  const messages: AboutMark[] = [watch('märk-1', 1), { type: 'process', mark: 'märk-1', pid: 3 }, { type: 'release', mark: 'x' }];
  const bytes = Buffer.from(messages.map(encodeLine).join(''));
  for (let size = 1; size < bytes.length; size += 7) {
    async function* chunks() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const received: AboutMark[] = [];
    for await (const message of decodeLines<AboutMark>(chunks())) received.push(message);
    expect(received).toEqual(messages);
  }
});
