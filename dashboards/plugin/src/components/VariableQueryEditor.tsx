import type { QueryEditorProps } from "@grafana/data";
import { InlineFieldRow } from "@grafana/ui";
import React from "react";

import { type Choice, dimensions, lists } from "../catalogue";
import type { DataSource } from "../datasource";
import { isFor } from "../rules";
import type { ResidencyQuery, Settings, VariableQuery } from "../types";
import { ChoiceSelect, Labelled, TextInput, useIds } from "./controls";
import { ListFields } from "./ListFields";

type Props = QueryEditorProps<DataSource, ResidencyQuery, Settings, VariableQuery>;

const choices: Choice[] = [
  { value: "", label: "Choose…" },
  ...dimensions,
  { value: "exporter", label: "Exporter", description: "IP addresses of what sends flow records." },
];

/** What a query variable offers: the values of one dimension, narrowed down by the others. */
export function VariableQueryEditor({ query, onChange, datasource, range }: Props) {
  const idOf = useIds();
  const dimension = query.dimension;
  const set = (change: Partial<VariableQuery>) => {
    const next = { ...query, refId: query.refId || "values", queryType: "values" as const, ...change };
    if (next.dimension) {
      onChange(next);
    }
  };
  const type = dimension === "exporter" ? "completeness" : "residency";
  return (
    <div>
      <InlineFieldRow>
        <Labelled
          id={idOf("dimension")}
          label="Values of"
          help="What the variable is a choice of. Values are those seen in the time range, most traffic first."
        >
          <ChoiceSelect
            id={idOf("dimension")}
            label="Values of"
            choices={choices}
            value={dimension}
            onChange={(value) => set({ dimension: value as VariableQuery["dimension"] })}
          />
        </Labelled>
        <Labelled
          id={idOf("search")}
          label="That contain"
          help="Part of the value or of its name. $__searchFilter is what is typed into the variable."
        >
          <TextInput
            id={idOf("search")}
            label="That contain"
            placeholder="Anything"
            value={query.search ?? ""}
            onCommit={(search) => set({ search: search || undefined })}
          />
        </Labelled>
      </InlineFieldRow>
      {dimension && (
        <div role="group" aria-label="Filters">
          <p>Only values seen together with these:</p>
          <ListFields
            fields={lists.filter(({ value, dimension: own }) => isFor(value, type) && own !== dimension)}
            value={query}
            onChange={set}
            source={datasource}
            range={range}
            idOf={idOf}
          />
        </div>
      )}
    </div>
  );
}
