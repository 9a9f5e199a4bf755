// The text that Prometheus reads: right names, right sums, and never more series than there is room for.
import { expect, test } from 'vitest';
import { BoundedLabel } from './bounded-label.js';
import { Metrics } from './metrics.js';
import { RunMetrics } from './run-metrics.js';

function both(): { metrics: Metrics; runs: RunMetrics; lines: () => Promise<string[]> } {
  const metrics = new Metrics({ process: 'worker', version: '1.2.3' });
  const runs = new RunMetrics(metrics);
  const sorted = (labels: string): string => labels.split(/,(?=\w+=)/).toSorted((a, b) => (a < b ? -1 : 1)).join(',');
  // The order of labels means nothing.
  const lines = async (): Promise<string[]> => (await metrics.text()).split('\n').map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${sorted(labels)}}`));
  return { metrics, runs, lines };
}

test('a process tells which build it is, how it is, and how often Redis failed it', async () => {
  const { metrics, lines } = both();
  metrics.redisError();
  metrics.redisError();
  const text = await lines();
  expect(text).toContain(`runyard_build_info{node="${process.version}",process="worker",version="1.2.3"} 1`);
  expect(text).toContain('runyard_redis_errors_total{process="worker"} 2');
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']) expect(text.some((line) => line.startsWith(`${name}{`)), name).toBe(true);
});

test('what becomes of runs', async () => {
  const { runs, lines } = both();
  runs.ended({ status: 'succeeded', reason: undefined, trigger: 'api', durationMs: 4_000 });
  runs.ended({ status: 'failed', reason: 'timed_out', trigger: 'cli', durationMs: 7_000 });
  runs.ended({ status: 'canceled', reason: undefined, trigger: 'cli', durationMs: undefined });
  runs.claimed(300);
  runs.claimed(-5);
  runs.spent({ model: 'claude-x', tokens: { input: 10, output: 2 }, costUsd: 0.25 });
  runs.spent({ model: 'claude-x', tokens: { input: 1, output: 0 }, costUsd: 0.5 });
  runs.toolCall('Bash', 'denied');
  runs.staleWrite('append');
  runs.eventsRestored(3);
  runs.staleTicket();
  const text = await lines();
  for (const line of [
    'runyard_runs_total{process="worker",reason="",status="succeeded",trigger="api"} 1',
    'runyard_runs_total{process="worker",reason="timed_out",status="failed",trigger="cli"} 1',
    'runyard_runs_total{process="worker",reason="",status="canceled",trigger="cli"} 1',
    'runyard_run_duration_seconds_sum{process="worker",status="failed"} 7',
    'runyard_run_duration_seconds_bucket{le="5",process="worker",status="succeeded"} 1',
    'runyard_run_queue_wait_seconds_count{process="worker"} 2',
    'runyard_run_queue_wait_seconds_sum{process="worker"} 0.3',
    'runyard_tokens_total{model="claude-x",process="worker",type="input"} 11',
    'runyard_cost_usd_total{model="claude-x",process="worker"} 0.75',
    'runyard_tool_calls_total{outcome="denied",process="worker",tool="Bash"} 1',
    'runyard_stale_writes_refused_total{operation="append",process="worker"} 1',
    'runyard_log_events_restored_total{process="worker"} 3',
    'runyard_stale_tickets_total{process="worker"} 1',
  ]) expect(text).toContain(line);
  expect(text.join('\n')).not.toContain('run_duration_seconds_count{status="canceled"');
});

test('a thousand tools and models make no thousand series', async () => {
  const { runs, lines } = both();
  for (let i = 0; i < 1000; i += 1) {
    runs.toolCall(`mcp__server__tool_${i}`, 'ok');
    runs.spent({ model: `model-${i}`, tokens: { input: 1 }, costUsd: 1 });
  }
  runs.toolCall('mcp__server__tool_3', 'ok');
  const text = await lines();
  expect(text.filter((line) => line.startsWith('runyard_tool_calls_total{'))).toHaveLength(101);
  expect(text).toContain('runyard_tool_calls_total{outcome="ok",process="worker",tool="other"} 900');
  expect(text).toContain('runyard_tool_calls_total{outcome="ok",process="worker",tool="mcp__server__tool_3"} 2');
  expect(text.filter((line) => line.startsWith('runyard_cost_usd_total{'))).toHaveLength(31);
});

test.each(['a prompt with spaces', 'x'.repeat(65), '', 'line\nbreak', 'quote"'])('%j is no label', (value) => {
  expect(new BoundedLabel(5).of(value)).toBe('other');
});

test('gauges are asked at every scrape; one that fails is left out and the rest is told', async () => {
  const { metrics, lines } = both();
  let clients = 3;
  metrics.gauge('runyard_event_stream_clients', 'Open streams.', () => clients);
  metrics.gauge('runyard_queue_depth', 'Depth.', () => Promise.reject(new Error('away')));
  metrics.gauges('runyard_worker_slots', 'Slots.', 'state', () => ({ busy: 1, free: 3 }));
  metrics.gauges('runyard_runs', 'Runs.', 'status', () => { throw new Error('away'); });
  expect(await lines()).toContain('runyard_event_stream_clients{process="worker"} 3');
  clients = 4;
  const text = await lines();
  expect(text).toContain('runyard_event_stream_clients{process="worker"} 4');
  expect(text).toContain('runyard_worker_slots{process="worker",state="free"} 3');
  expect(text.filter((line) => /^runyard_(queue_depth|runs)[ {]/.test(line))).toEqual([]);
});
