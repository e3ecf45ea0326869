import { getTemplateSrv } from "@grafana/runtime";
import { InlineFieldRow } from "@grafana/ui";
import type { TimeRange } from "@grafana/data";
import React from "react";

import type { ListField } from "../catalogue";
import type { DataSource } from "../datasource";
import type { AdHoc, Lists } from "../question";
import { Labelled } from "./controls";
import { ValuesSelect } from "./ValuesSelect";

interface Props {
  fields: ListField[];
  value: Lists & { filters?: AdHoc[] };
  onChange: (change: Lists) => void;
  faults?: Partial<Record<string, string>>;
  source: DataSource;
  range?: TimeRange;
  idOf: (name: string) => string;
}

/** The filters that are lists, each with the values that were seen in the time range. */
export function ListFields({ fields, value, onChange, faults, source, range, idOf }: Props) {
  const variables = variableNames();
  return (
    <InlineFieldRow>
      {fields.map(({ value: name, label, description, placeholder, dimension }) => (
        <Labelled key={name} id={idOf(name)} label={label} help={description} fault={faults?.[name]}>
          <ValuesSelect
            id={idOf(name)}
            label={label}
            placeholder={placeholder}
            value={value[name] ?? []}
            variables={variables}
            load={dimension && ((search) => source.getValues({ dimension, search, range, narrowedBy: value }))}
            onChange={(entries) => onChange({ [name]: entries.length ? entries : undefined })}
          />
        </Labelled>
      ))}
    </InlineFieldRow>
  );
}

/** Names of the dashboard's variables. */
export function variableNames(): string[] {
  return (getTemplateSrv()?.getVariables() ?? [])
    .filter(({ type }) => type !== "adhoc" && type !== "datasource")
    .map(({ name }) => name);
}
