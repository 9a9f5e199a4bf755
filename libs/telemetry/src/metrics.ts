// The metrics of one process in the text format of Prometheus: what every process tells, and the means to add more.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export interface MetricsOptions {
  /** The process that tells: api, worker. */
  readonly process: string;
  readonly version: string;
}

export interface LabelledValue {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Metrics of the process itself (CPU, memory, event loop, open files), which build it is, and how often Redis failed it. */
export class Metrics {
  readonly registry = new Registry();
  readonly #redisErrors: Counter;

  constructor({ process: name, version }: MetricsOptions) {
    this.registry.setDefaultLabels({ process: name });
    collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    new Gauge({ name: 'runyard_build_info', help: 'Always 1; the labels say which build runs.', labelNames: ['version', 'node'], registers }).set({ version, node: process.version }, 1);
    this.#redisErrors = new Counter({ name: 'runyard_redis_errors_total', help: 'Errors of Redis and of the queue, each failed attempt to connect included.', registers });
  }

  redisError(): void {
    this.#redisErrors.inc();
  }

  /** Adds a gauge whose value is asked for at every scrape. A value that cannot be had is left out. */
  gauge(name: string, help: string, value: () => number | Promise<number>): void {
    const read = async (gauge: Gauge): Promise<void> => {
      gauge.reset();
      const number = await Promise.resolve().then(value).catch(() => undefined);
      if (number === undefined) gauge.remove();
      else gauge.set(number);
    };
    this.registry.registerMetric(new Gauge({ name, help, registers: [], collect() { return read(this); } }));
  }

  /** The same for one gauge with a label: value of the label → number. */
  gauges(name: string, help: string, label: string, values: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>): void {
    const read = async (gauge: Gauge): Promise<void> => {
      gauge.reset();
      const numbers = await Promise.resolve().then(values).catch(() => ({}));
      for (const [value, number] of Object.entries(numbers)) gauge.set({ [label]: value }, number);
    };
    this.registry.registerMetric(new Gauge({ name, help, labelNames: [label], registers: [], collect() { return read(this); } }));
  }

  /** The same for one gauge with several labels. */
  labelled(name: string, help: string, labelNames: readonly string[], values: () => Promise<readonly LabelledValue[]>): void {
    const read = async (gauge: Gauge): Promise<void> => {
      gauge.reset();
      for (const { labels, value } of await values().catch(() => [])) gauge.set(labels, value);
    };
    this.registry.registerMetric(new Gauge({ name, help, labelNames: [...labelNames], registers: [], collect() { return read(this); } }));
  }

  /** The text of a scrape. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
