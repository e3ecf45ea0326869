import { InlineField, Input, Select } from "@grafana/ui";
import React, { type ComponentProps, useState } from "react";

import type { Choice } from "../catalogue";

// Grafana 9.4 to 13 have all that is used here. InlineField hands invalid down to its child.

export const labelWidth = 18;

interface LabelledProps {
  id: string;
  label: string;
  help?: string;
  fault?: string;
  children: ComponentProps<typeof InlineField>["children"];
}

/** A labelled control in a row; the label is the control's, by id. */
export function Labelled({ id, label, help, fault, children }: LabelledProps) {
  return (
    <InlineField
      label={label}
      labelWidth={labelWidth}
      tooltip={help}
      htmlFor={id}
      invalid={Boolean(fault)}
      error={fault}
    >
      {children}
    </InlineField>
  );
}

interface ChoiceProps {
  id: string;
  label: string;
  choices: Choice[];
  /** Absent: the first choice. */
  value?: string;
  onChange: (value: string | undefined) => void;
  variables?: string[];
  invalid?: boolean;
  width?: number;
}

/** One of few choices, or a variable of the dashboard. */
export function ChoiceSelect({ id, label, choices, value, onChange, variables, invalid, width }: ChoiceProps) {
  const first = choices[0]?.value;
  const names = (variables ?? []).map((name) => ({ value: `$${name}`, label: `$${name}`, description: "Variable" }));
  const unlisted = value && ![...choices, ...names].some((one) => one.value === value);
  return (
    <Select<string>
      inputId={id}
      aria-label={label}
      width={width ?? 24}
      invalid={invalid}
      options={[...choices, ...(unlisted ? [{ value, label: value }] : []), ...names]}
      value={value || first}
      onChange={(chosen) => onChange(chosen?.value === first ? undefined : chosen?.value)}
    />
  );
}

interface TextProps {
  id: string;
  label: string;
  value: string;
  onCommit: (value: string) => void;
  placeholder?: string;
  invalid?: boolean;
  width?: number;
  type?: "text" | "number";
  disabled?: boolean;
}

/** A text that counts when it is left, or at Enter: not with every key. */
export function TextInput({ id, label, value, onCommit, placeholder, invalid, width, type, disabled }: TextProps) {
  const [draft, setDraft] = useState<string>();
  const commit = () => {
    setDraft(undefined);
    if (draft !== undefined && draft.trim() !== value) {
      onCommit(draft.trim());
    }
  };
  return (
    <Input
      id={id}
      aria-label={label}
      aria-invalid={invalid || undefined}
      type={type ?? "text"}
      width={width ?? 24}
      invalid={invalid}
      disabled={disabled}
      placeholder={placeholder}
      value={draft ?? value}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === "Enter" && commit()}
    />
  );
}

interface NumberProps extends Omit<TextProps, "value" | "onCommit" | "type"> {
  value?: number;
  onCommit: (value: number | undefined) => void;
}

/** A number, or nothing for the default. */
export function NumberInput({ value, onCommit, ...rest }: NumberProps) {
  return (
    <TextInput
      {...rest}
      type="number"
      value={value === undefined ? "" : String(value)}
      onCommit={(text) => onCommit(text === "" || Number.isNaN(Number(text)) ? undefined : Number(text))}
    />
  );
}

let editors = 0;

/** A prefix for ids that no other editor on the page has. */
export function useIds(): (name: string) => string {
  const [number] = useState(() => (editors += 1));
  return (name) => `landfall-${number}-${name}`;
}
