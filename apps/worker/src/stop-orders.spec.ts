// Stop orders: the first one counts.
import { expect, test } from 'vitest';
import { StopOrders } from './stop-orders.js';

test('the first order decides, later ones change nothing', async () => {
  const orders = new StopOrders();
  expect(orders.current).toBeUndefined();
  orders.order('timed_out', 'too long');
  orders.order('canceled', 'by the user');
  expect(orders.current).toEqual({ reason: 'timed_out', message: 'too long' });
  expect(await orders.ordered).toEqual({ reason: 'timed_out', message: 'too long' });
});
