import type { AnnotationQuery, QueryEditorProps } from "@grafana/data";
import React from "react";

import { lists } from "../catalogue";
import type { DataSource } from "../datasource";
import type { Question } from "../question";
import { isFor } from "../rules";
import type { ResidencyQuery, Settings } from "../types";
import { AnswerFields } from "./AnswerFields";
import { useIds } from "./controls";
import { ListFields } from "./ListFields";

type Props = QueryEditorProps<DataSource, ResidencyQuery, Settings> & {
  annotation?: AnnotationQuery<ResidencyQuery>;
  onAnnotationChange?: (annotation: AnnotationQuery<ResidencyQuery>) => void;
};

/** Which events are marked on the panels of a dashboard. */
export function AnnotationQueryEditor({ query, onChange, datasource, range }: Props) {
  const idOf = useIds();
  const set = (change: Partial<Question>) =>
    onChange({ ...query, refId: query.refId || "Anno", queryType: "annotations", ...change });
  return (
    <div>
      <p>Marks on the panels when data sets and policies changed, and when exporters were silent.</p>
      <AnswerFields query={query} type="annotations" set={set} faults={{}} alerting={false} idOf={idOf} annotation />
      <ListFields
        fields={lists.filter(({ value }) => isFor(value, "annotations"))}
        value={query}
        onChange={set}
        source={datasource}
        range={range}
        idOf={idOf}
      />
    </div>
  );
}
