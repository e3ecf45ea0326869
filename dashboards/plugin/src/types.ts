import type { DataSourceJsonData } from "@grafana/data";
import type { DataQuery } from "@grafana/schema";

import type { Dimension, Lists, Question, QuestionType, AdHoc } from "./question";

export type ResidencyQuery = Question & DataQuery & { queryType?: QuestionType };

/** What a query variable asks: the values of one dimension, most traffic first. */
export interface VariableQuery extends DataQuery, Lists {
  queryType: "values";
  dimension: Dimension | "exporter";
  /** Part of the value or its name; may hold $__searchFilter. */
  search?: string;
  filters?: AdHoc[];
}

/** The data source's jsonData. What is absent has the backend's default. */
export interface Settings extends DataSourceJsonData {
  address?: string;
  protocol?: "native" | "http";
  database?: string;
  user?: string;
  tls?: boolean;
  tlsAuth?: boolean;
  tlsAuthWithCACert?: boolean;
  serverName?: string;
  allowPlaintext?: boolean;
  timeoutSeconds?: number;
  maxConnections?: number;
  maxRows?: number;
  maxBytesRead?: number;
  /** The tenant's scope; absent or empty: all. */
  operators?: string[];
  sites?: string[];
  minHandsets?: number;
  completenessBound?: number;
  freshnessMinutes?: number;
}

/** secureJsonData: goes to the server, and never comes back. */
export interface SecureSettings {
  password?: string;
  tlsCACert?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
}

/** Resource POST values, and GET dimensions with a title in place of the text. */
export interface Value {
  value: string;
  text: string;
}

/** Resource POST explain. */
export interface Explanation {
  rollup: string;
  statements: Array<{ for: string; sql: string }>;
  warnings?: string[];
  rows: number;
  elapsedMs: number;
}
