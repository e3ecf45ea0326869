import { CustomVariableSupport, type DataQueryRequest, type DataQueryResponse } from "@grafana/data";
import { from, type Observable } from "rxjs";

import { VariableQueryEditor } from "./components/VariableQueryEditor";
import type { DataSource } from "./datasource";
import type { VariableQuery } from "./types";

/** Query variables: the values of a dimension. */
export class ResidencyVariableSupport extends CustomVariableSupport<DataSource, VariableQuery> {
  editor = VariableQueryEditor;

  constructor(private readonly source: DataSource) {
    super();
  }

  query({ targets, range, scopedVars }: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    return from(this.answer(targets[0], range, scopedVars));
  }

  private async answer(
    query: VariableQuery | undefined,
    range: DataQueryRequest["range"],
    scopedVars: DataQueryRequest["scopedVars"],
  ): Promise<DataQueryResponse> {
    return { data: query?.dimension ? await this.source.metricFindQuery(query, { range, scopedVars }) : [] };
  }
}
