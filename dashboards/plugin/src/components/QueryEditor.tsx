import { CoreApp, type QueryEditorProps } from "@grafana/data";
import { Button, InlineFieldRow } from "@grafana/ui";
import React, { useState } from "react";

import { lists, types } from "../catalogue";
import type { DataSource } from "../datasource";
import type { Question, QuestionType } from "../question";
import { asType, faultsOf, isFor, typeOf } from "../rules";
import type { ResidencyQuery, Settings } from "../types";
import { AnswerFields } from "./AnswerFields";
import { Conditions } from "./Conditions";
import { ChoiceSelect, Labelled, useIds } from "./controls";
import { Explain } from "./Explain";
import { ListFields } from "./ListFields";

type Props = QueryEditorProps<DataSource, ResidencyQuery, Settings>;

// The filters that are always in sight; the others are a click away, or in sight when they are set.
const first = new Set(["vendors", "countries", "places", "networks", "exporters", "sites"]);

export function QueryEditor({ query, onChange, onRunQuery, datasource, range, data, app }: Props) {
  const idOf = useIds();
  const [more, setMore] = useState(false);
  const type = typeOf(query);
  const faults = faultsOf(query);

  // A query that the backend would refuse is kept, and run once it is right.
  const put = (next: ResidencyQuery) => {
    const whole = withoutEmpty(next);
    onChange(whole);
    if (Object.keys(faultsOf(whole)).length === 0) {
      onRunQuery();
    }
  };
  const set = (change: Partial<Question>) => put({ ...query, queryType: type, ...change });

  const fields = lists.filter(({ value }) => isFor(value, type));
  const shown = fields.filter(({ value }) => first.has(value) || more || query[value]?.length);
  const conditions = query.filters ?? [];

  return (
    <div>
      <InlineFieldRow>
        <Labelled id={idOf("type")} label="Question" help="What this query asks. The time range is the panel's.">
          <ChoiceSelect
            id={idOf("type")}
            label="Question"
            width={32}
            choices={app === CoreApp.UnifiedAlerting ? types.filter(({ value }) => value !== "annotations") : types}
            value={type}
            onChange={(chosen) => put(asType(query, (chosen ?? "residency") as QuestionType))}
          />
        </Labelled>
      </InlineFieldRow>
      <p id={idOf("sentence")}>{types.find(({ value }) => value === type)?.description}</p>

      <AnswerFields
        query={query}
        type={type}
        set={set}
        faults={faults}
        range={range}
        alerting={app === CoreApp.UnifiedAlerting}
        idOf={idOf}
      />

      <div role="group" aria-label="Filters">
        <ListFields
          fields={shown}
          value={query}
          onChange={set}
          faults={faults}
          source={datasource}
          range={range}
          idOf={idOf}
        />
        {isFor("filters", type) && (more || conditions.length > 0) && (
          <Conditions
            value={conditions}
            onChange={(filters) => set({ filters })}
            narrowedBy={query}
            source={datasource}
            range={range}
            idOf={idOf}
          />
        )}
        <Button
          variant="secondary"
          size="sm"
          fill="text"
          icon={more ? "angle-up" : "angle-down"}
          aria-expanded={more}
          onClick={() => setMore(!more)}
        >
          {more ? "Fewer filters" : "More filters"}
        </Button>
      </div>

      <Explain
        query={query}
        source={datasource}
        range={range}
        intervalMs={data?.request?.intervalMs}
        disabled={Object.keys(faults).length > 0}
      />
    </div>
  );
}

// What says nothing is left out, so that a query's JSON holds what was asked.
function withoutEmpty(query: ResidencyQuery): ResidencyQuery {
  const kept = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(kept) as ResidencyQuery;
}
