/**
 * Counters, gauges and histograms in Prometheus' text format (0.0.4), made for a hot path: a series is looked up once
 * and then held, and adding to it is an addition. Imports nothing.
 */

export type Labels = Readonly<Record<string, string>>;

/** One line of a gauge, read at each scrape. */
export type Sample = { labels?: Labels; value: number };

/** A line that only rises. */
export interface CounterSeries {
  add(amount?: number): void;
}

/** A distribution. */
export interface HistogramSeries {
  observe(value: number): void;
}

/** Makes or finds the series of some labels. Callers keep the number of combinations small and bounded. */
export interface Family<Series> {
  with(labels: Labels): Series;
}

type Metric = { head: string; lines(): Iterable<string> | Promise<Iterable<string>> };

/** A metric with more series than this is fed by something unbounded; further label values share one series. */
const MAX_SERIES = 2_000;
const OVERFLOW: Labels = { overflow: "true" };
const NAME = /^[a-z][a-z0-9_]*$/;

export class MetricsRegistry {
  readonly #metrics = new Map<string, Metric>();

  counter(name: string, help: string): Family<CounterSeries> {
    const family = new SeriesFamily((labels) => new Counter(name, labels));
    this.#add(name, help, "counter", () => family.lines());
    return family;
  }

  /** `bounds` are the upper ends of the buckets, rising; the infinite one is added. */
  histogram(name: string, help: string, bounds: readonly number[]): Family<HistogramSeries> {
    const family = new SeriesFamily((labels) => new Histogram(name, labels, bounds));
    this.#add(name, help, "histogram", () => family.lines());
    return family;
  }

  /** A value that is read at each scrape. A reader that rejects leaves its gauge out. */
  gauge(name: string, help: string, read: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
    this.#add(name, help, "gauge", () => readLines(name, read));
  }

  /** A counter that is kept elsewhere, and read at each scrape like a gauge. */
  total(name: string, help: string, read: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
    this.#add(name, help, "counter", () => readLines(name, read));
  }

  /** Everything, ready to be scraped. */
  async render(): Promise<string> {
    const parts: string[] = [];
    for (const { head, lines } of this.#metrics.values()) parts.push(head, ...(await lines()));
    return `${parts.join("\n")}\n`;
  }

  #add(name: string, help: string, type: string, lines: Metric["lines"]): void {
    if (!NAME.test(name)) throw new Error(`${name} is no name for a metric`);
    if (this.#metrics.has(name)) throw new Error(`There are two metrics named ${name}`);
    this.#metrics.set(name, { head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}`, lines });
  }
}

async function readLines(
  name: string,
  read: () => Iterable<Sample> | Promise<Iterable<Sample>>,
): Promise<Iterable<string>> {
  const samples = await Promise.resolve()
    .then(read)
    .catch((): Iterable<Sample> => []);
  return [...samples].map(({ labels = {}, value }) => line(name, labels, value));
}

class SeriesFamily<Series extends { lines(): Iterable<string> }> implements Family<Series> {
  readonly #series = new Map<string, Series>();
  readonly #make: (labels: Labels) => Series;

  constructor(make: (labels: Labels) => Series) {
    this.#make = make;
  }

  with(labels: Labels): Series {
    const key = render(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= MAX_SERIES && labels !== OVERFLOW) return this.with(OVERFLOW);
      series = this.#make(labels);
      this.#series.set(key, series);
    }
    return series;
  }

  *lines(): Iterable<string> {
    for (const series of this.#series.values()) yield* series.lines();
  }
}

class Counter implements CounterSeries {
  readonly #name: string;
  readonly #labels: Labels;
  #value = 0;

  constructor(name: string, labels: Labels) {
    this.#name = name;
    this.#labels = labels;
  }

  add(amount = 1): void {
    this.#value += amount;
  }

  lines(): string[] {
    return [line(this.#name, this.#labels, this.#value)];
  }
}

class Histogram implements HistogramSeries {
  readonly #name: string;
  readonly #labels: Labels;
  readonly #bounds: readonly number[];
  /** How many fell into each bucket alone; the last is the infinite one. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(name: string, labels: Labels, bounds: readonly number[]) {
    this.#name = name;
    this.#labels = labels;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  *lines(): Iterable<string> {
    let total = 0;
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      const le = index < this.#bounds.length ? String(this.#bounds[index]) : "+Inf";
      yield line(`${this.#name}_bucket`, { ...this.#labels, le }, total);
    }
    yield line(`${this.#name}_sum`, this.#labels, this.#sum);
    yield line(`${this.#name}_count`, this.#labels, total);
  }
}

function line(name: string, labels: Labels, value: number): string {
  return `${name}${render(labels)} ${value}`;
}

function render(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
