import type { TimeRange } from "@grafana/data";
import { InlineFieldRow, InlineSwitch, MultiSelect } from "@grafana/ui";
import React from "react";

import {
  bucketsOf,
  type Choice,
  dimensions,
  directions,
  eventKinds,
  formatsOf,
  intervals,
  metricsOf,
  ordersOf,
  units,
} from "../catalogue";
import type { EventKind, Question, QuestionType } from "../question";
import { isFor } from "../rules";
import { BeforeField } from "./BeforeField";
import { ChoiceSelect, Labelled, NumberInput } from "./controls";
import { HoursField } from "./HoursField";
import { variableNames } from "./ListFields";

interface Props {
  query: Question;
  type: QuestionType;
  set: (change: Partial<Question>) => void;
  faults: Partial<Record<keyof Question, string>>;
  range?: TimeRange;
  alerting: boolean;
  /** On its own in an annotation, the form of the answer is fixed. */
  annotation?: boolean;
  idOf: (name: string) => string;
}

type ChoiceField = "metric" | "direction" | "bucket" | "unit" | "order" | "intervals" | "format";

/** What the answer looks like: what it counts, by what, in what order. Only what is for the type. */
export function AnswerFields({ query, type, set, faults, range, alerting, annotation, idOf }: Props) {
  const variables = variableNames();

  const choice = (name: ChoiceField, label: string, help: string, choices: Choice[]) =>
    isFor(name, type) && (
      <Labelled id={idOf(name)} label={label} help={help} fault={faults[name]}>
        <ChoiceSelect
          id={idOf(name)}
          label={label}
          choices={choices}
          variables={variables}
          value={query[name]}
          onChange={(value) => set({ [name]: value })}
        />
      </Labelled>
    );

  const several = (
    name: "by" | "shareOf" | "events",
    label: string,
    help: string,
    placeholder: string,
    choices: Choice[],
    onChange = (values: string[]) => set({ [name]: values }),
  ) =>
    isFor(name, type) && (
      <Labelled id={idOf(name)} label={label} help={help} fault={faults[name]}>
        <MultiSelect<string>
          inputId={idOf(name)}
          aria-label={label}
          width={40}
          isClearable
          closeMenuOnSelect={false}
          placeholder={placeholder}
          options={withChosen(choices, query[name] as string[] | undefined)}
          value={query[name] as string[] | undefined}
          onChange={(chosen) => onChange(chosen.flatMap(({ value }) => value ?? []))}
        />
      </Labelled>
    );

  const toggle = (name: "eachVendor" | "live", label: string, help: string) =>
    isFor(name, type) && (
      <Labelled id={idOf(name)} label={label} help={help}>
        <InlineSwitch
          id={idOf(name)}
          aria-label={label}
          value={Boolean(query[name])}
          onChange={(event) => set({ [name]: event.currentTarget.checked || undefined })}
        />
      </Labelled>
    );

  // Shares are within what the answer is by: what is no longer there cannot be shared.
  const setBy = (by: string[]) => set({ by, shareOf: query.shareOf?.filter((one) => by.includes(one)) } as Question);
  const one = type === "overtakes";
  const asDimensions = [...dimensions, ...variables.map((name) => ({ value: `$${name}`, label: `$${name}` }))];

  return (
    <>
      <InlineFieldRow>
        {choice(
          "metric",
          "Figure",
          type === "completeness"
            ? "Hours of silence are those in which an exporter sent nothing."
            : "Bytes and packets are scaled up by the sampling rate.",
          metricsOf(type),
        )}
        {choice("direction", "Direction", "Up is from the handset to the remote end.", directions)}
        {choice("unit", "One row for each", "What remote ends are put together by.", units)}
        {several(
          "by",
          "Broken down by",
          one ? "Whose values overtake each other. Choose one." : "One series or row for each combination of these.",
          one ? "Choose one" : "Nothing: one figure",
          asDimensions,
          one ? (by) => setBy(by.slice(-1)) : setBy,
        )}
        {(query.by?.length ?? 0) > 0 &&
          several(
            "shareOf",
            "Shares within",
            "With Vendor, the places of each vendor add up to 100 %. Empty: shares of all traffic.",
            "All traffic",
            asDimensions.filter(({ value }) => (query.by as string[]).includes(value)),
          )}
        {several("events", "Events", "What is marked on the panels.", "All events", eventKinds, (events) =>
          set({ events: events as EventKind[] }),
        )}
      </InlineFieldRow>
      <InlineFieldRow>
        {choice("bucket", "A point for each", "The length of the steps in time.", bucketsOf(type))}
        {choice(
          "order",
          "Most first by",
          "The order of the rows; with a limit, also which rows there are.",
          ordersOf(type),
        )}
        {isFor("top", type) && (
          <Labelled
            id={idOf("top")}
            label="At most"
            help={
              type === "residency" || type === "compare" || type === "shifts"
                ? 'Keep the largest; the rest is added up as "other". Empty: all.'
                : "Number of rows. Empty: the default."
            }
            fault={faults.top}
          >
            <NumberInput
              id={idOf("top")}
              label="At most"
              width={12}
              placeholder={type === "flows" ? "100" : "default"}
              value={query.top}
              onCommit={(top) => set({ top })}
            />
          </Labelled>
        )}
        {isFor("before", type) && (
          <BeforeField
            value={query.before}
            onChange={(before) => set({ before })}
            range={range}
            fault={faults.before}
            idOf={idOf}
          />
        )}
        {toggle("eachVendor", "New to each vendor", "New is what is new to one vendor's handsets, not only to all.")}
        {!alerting && toggle("live", "Follow live", "New rows appear without a refresh.")}
        {!alerting &&
          choice("intervals", "Uncertainty", "The interval of what sampling and losses leave open.", intervals)}
        {!annotation && choice("format", "Answer as", "Automatic suits most panels.", formatsOf(type))}
        {isFor("hours", type) && (
          <HoursField value={query.hours} onChange={(hours) => set({ hours })} fault={faults.hours} idOf={idOf} />
        )}
        {isFor("revision", type) && (
          <Labelled
            id={idOf("revision")}
            label="As of correction"
            help="The figures as they were when this correction was the newest; 0: as the flows came in."
            fault={faults.revision}
          >
            <NumberInput
              id={idOf("revision")}
              label="As of correction"
              width={12}
              placeholder="newest"
              value={query.revision}
              onCommit={(revision) => set({ revision })}
            />
          </Labelled>
        )}
      </InlineFieldRow>
    </>
  );
}

function withChosen(choices: Choice[], chosen: string[] = []): Choice[] {
  const unlisted = chosen.filter((value) => !choices.some((choice) => choice.value === value));
  return [...choices, ...unlisted.map((value) => ({ value, label: value }))];
}
