// What the reporter answers; schemas/openapi/landfall.yaml describes it. Counts are BigInt, because
// the bytes of a network pass 2^53.

/** Interval holds the true value in 95 % of the cases; both ends are equal for what was counted in full. */
export interface Interval {
  low: number;
  high: number;
}

export interface ResidencyRow {
  bucket?: string;
  vendor?: string;
  place?: string;
  place_name?: string;
  country?: string;
  country_name?: string;
  confidence?: string;
  verdict?: string;
  flows: bigint;
  bytes_up: bigint;
  bytes_down: bigint;
  bytes_up_interval?: Interval;
  bytes_down_interval?: Interval;
  share_up: number;
  share_up_interval?: Interval;
}

export interface SilentExporter {
  operator: string;
  site: string;
  exporter: string;
  hours: number;
  since: string;
}

/** Completeness is how much of what the exporters say they sent was counted; null: unknown. */
export interface Completeness {
  share_counted: number | null;
  counted_flows: number;
  sent_flows: number;
  estimated?: boolean;
  exporters_expected: number;
  exporters_heard: number;
  exporters_silent: number;
  silent?: SilentExporter[];
}

export interface BucketInfo {
  bucket?: string;
  revision: number;
  last_change?: string;
  late?: boolean;
  completeness: Completeness;
}

export interface ResidencyAnswer {
  rows: ResidencyRow[];
  buckets: BucketInfo[];
}

export interface VendorTotal {
  vendor: string;
  flows: bigint;
  bytes_up: bigint;
  bytes_down: bigint;
}

export interface ExporterTotal {
  exporter: string;
  export_protocol: string;
  flows: bigint;
  last_received: string;
}

export interface Totals {
  flows: bigint;
  bytes_up: bigint;
  bytes_down: bigint;
  first_flow?: string;
  last_flow?: string;
  last_received?: string;
  exporters: ExporterTotal[];
  now: string;
}

export interface About {
  product: string;
  version: string;
  credits: string[];
}

const exact = new Set(["flows", "bytes_up", "bytes_down", "packets_up", "packets_down"]);

/** parse reads an answer. A browser that gives no source text rounds what is above 2^53. */
export function parse<T>(text: string): T {
  const revive = (key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value === "number" && exact.has(key)) {
      return /^\d+$/.test(context?.source ?? "") ? BigInt(context?.source ?? 0) : BigInt(Math.round(value));
    }
    return value;
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown) as T;
}

/** Refused is an answer that is a problem: what the server waits for, or what was wrong. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** Unreachable means that no answer came at all. */
export class Unreachable extends Error {}

export type Parameters = Record<string, string | undefined>;

export function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) {
      query.set(name, value);
    }
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

export async function get<T>(path: string, parameters: Parameters = {}): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address(path, parameters), { signal: AbortSignal.timeout(60_000) });
    text = await response.text();
  } catch {
    throw new Unreachable("the server does not answer");
  }
  if (response.ok) {
    return parse<T>(text);
  }
  let detail = response.statusText;
  try {
    detail = (JSON.parse(text) as { detail?: string }).detail ?? detail;
  } catch {
    // Not a problem of ours, as from a proxy between.
  }
  throw new Refused(response.status, detail);
}
