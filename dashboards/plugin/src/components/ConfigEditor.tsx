import type { DataSourcePluginOptionsEditorProps } from "@grafana/data";
import { Alert, Field, FieldSet, Input, RadioButtonGroup, SecretInput, SecretTextArea, Switch } from "@grafana/ui";
import React from "react";

import type { SecureSettings, Settings } from "../types";
import { NumberInput, useIds } from "./controls";
import { ValuesSelect } from "./ValuesSelect";

type Props = DataSourcePluginOptionsEditorProps<Settings, SecureSettings>;
type Named<T> = { [K in keyof Settings]-?: Settings[K] extends T | undefined ? K : never }[keyof Settings];

const width = 48;

export function ConfigEditor({ options, onOptionsChange }: Props) {
  const idOf = useIds();
  const settings = options.jsonData;
  const disabled = options.readOnly;

  const set = (change: Partial<Settings>) => onOptionsChange({ ...options, jsonData: { ...settings, ...change } });
  const setSecret = (name: keyof SecureSettings, value: string) =>
    onOptionsChange({ ...options, secureJsonData: { ...options.secureJsonData, [name]: value } });
  const resetSecret = (name: keyof SecureSettings) =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...options.secureJsonFields, [name]: false },
      secureJsonData: { ...options.secureJsonData, [name]: "" },
    });

  const text = (name: Named<string>, label: string, help: string, placeholder: string) => (
    <Field label={label} description={help} htmlFor={idOf(name)} disabled={disabled}>
      <Input
        id={idOf(name)}
        aria-label={label}
        width={width}
        placeholder={placeholder}
        value={settings[name] ?? ""}
        onChange={(event) => set({ [name]: event.currentTarget.value || undefined })}
      />
    </Field>
  );

  const number = (name: Named<number>, label: string, help: string, usual: string, least = 0, most = Infinity) => {
    const value = settings[name];
    const whole = name === "completenessBound" || Number.isInteger(value);
    const wrong = value !== undefined && !(value >= least && value <= most && whole);
    return (
      <Field
        label={label}
        description={help}
        htmlFor={idOf(name)}
        invalid={wrong}
        error={
          wrong
            ? `A ${name === "completenessBound" ? "" : "whole "}number from ${least}${most === Infinity ? "" : ` to ${most}`}`
            : undefined
        }
      >
        <NumberInput
          id={idOf(name)}
          label={label}
          width={width}
          placeholder={usual}
          disabled={disabled}
          value={value}
          onCommit={(next) => set({ [name]: next })}
        />
      </Field>
    );
  };

  const toggle = (
    name: Named<boolean>,
    label: string,
    help: string,
    change = (on: boolean): Partial<Settings> => ({ [name]: on || undefined }),
  ) => (
    <Field label={label} description={help} htmlFor={idOf(name)} disabled={disabled}>
      <Switch
        id={idOf(name)}
        aria-label={label}
        value={settings[name] ?? false}
        onChange={(event) => set(change(event.currentTarget.checked))}
      />
    </Field>
  );

  const pem = (name: keyof SecureSettings, label: string, help: string, begins: string) => (
    <Field label={label} description={help} htmlFor={idOf(name)} disabled={disabled}>
      <SecretTextArea
        id={idOf(name)}
        aria-label={label}
        cols={64}
        rows={5}
        placeholder={begins}
        isConfigured={Boolean(options.secureJsonFields?.[name])}
        onReset={() => resetSecret(name)}
        onChange={(event) => setSecret(name, event.currentTarget.value)}
      />
    </Field>
  );

  const names = (name: "operators" | "sites", label: string, help: string) => (
    <Field label={label} description={help} htmlFor={idOf(name)}>
      <ValuesSelect
        id={idOf(name)}
        label={label}
        width={width}
        placeholder="All"
        disabled={disabled}
        value={settings[name] ?? []}
        onChange={(values) => set({ [name]: values.length ? values : undefined })}
      />
    </Field>
  );

  return (
    <>
      <FieldSet label="ClickHouse">
        {text(
          "address",
          "Address",
          "Host and port of Landfall's ClickHouse, as seen from Grafana's server.",
          addressOf(settings),
        )}
        <Field
          label="Protocol"
          description="What ClickHouse speaks on that port. Native is quicker; HTTP passes through proxies."
          disabled={disabled}
        >
          <div role="group" aria-label="Protocol">
            <RadioButtonGroup
              disabled={disabled}
              options={[
                { value: "native" as const, label: "Native" },
                { value: "http" as const, label: "HTTP" },
              ]}
              value={settings.protocol ?? "native"}
              onChange={(protocol) => set({ protocol })}
            />
          </div>
        </Field>
        {text("database", "Database", "Where Landfall's tables are.", "landfall")}
        {text(
          "user",
          "User",
          "A user of ClickHouse that may only read: all queries run as this user.",
          "landfall_reader",
        )}
        <Field
          label="Password"
          description="Kept encrypted by Grafana, and never shown again."
          htmlFor={idOf("password")}
          disabled={disabled}
        >
          <SecretInput
            id={idOf("password")}
            aria-label="Password"
            width={width}
            autoComplete="new-password"
            isConfigured={Boolean(options.secureJsonFields?.password)}
            onReset={() => resetSecret("password")}
            onChange={(event) => setSecret("password", event.currentTarget.value)}
          />
        </Field>
      </FieldSet>

      <FieldSet label="Encryption">
        {toggle("tls", "Use TLS", "Needed for a ClickHouse on another machine.", withTLS)}
        {settings.tls && (
          <>
            {text("serverName", "Server name", "The name in the server's certificate.", "The host of the address")}
            {toggle(
              "tlsAuthWithCACert",
              "Own authority",
              "Check the server's certificate against an authority of your own, not the system's.",
            )}
            {settings.tlsAuthWithCACert &&
              pem("tlsCACert", "Authority's certificate", "PEM.", "-----BEGIN CERTIFICATE-----")}
            {toggle("tlsAuth", "Client certificate", "Show the server a certificate of Grafana's own.")}
            {settings.tlsAuth && (
              <>
                {pem("tlsClientCert", "Client's certificate", "PEM.", "-----BEGIN CERTIFICATE-----")}
                {pem("tlsClientKey", "Client's key", "PEM, without a passphrase.", "-----BEGIN PRIVATE KEY-----")}
              </>
            )}
          </>
        )}
        {!settings.tls &&
          toggle(
            "allowPlaintext",
            "Allow plaintext to another machine",
            "Passwords and answers can then be read on the way.",
          )}
        {!settings.tls && settings.allowPlaintext && (
          <Alert severity="warning" title="The password and all answers travel unencrypted to ClickHouse." />
        )}
      </FieldSet>

      <FieldSet label="Who may see what">
        <p>
          Every query through this data source is limited to these operators and sites, on the server: no panel,
          variable, alert rule or hand-written query widens it, and who may use the data source sees no more. Make one
          data source for each tenant, and give each tenant&apos;s team access to its own alone.
        </p>
        {names("operators", "Operators", "Type a name and press Enter. Empty: all operators.")}
        {names("sites", "Sites", "Type a name and press Enter. Empty: all sites.")}
        {number(
          "minHandsets",
          "Fewest handsets",
          "Figures about fewer handsets than this are withheld, nothing is finer than a day, and single flows are refused.",
          "0: nothing is withheld",
          0,
          1_000_000,
        )}
      </FieldSet>

      <FieldSet label="Limits of a query">
        {number("timeoutSeconds", "Time limit", "Seconds that ClickHouse may work on one statement.", "30", 1, 600)}
        {number("maxConnections", "Connections", "Most connections to ClickHouse at a time.", "10", 1, 200)}
        {number("maxRows", "Rows", "Most rows of an answer.", "100000", 1, 1_000_000)}
        {number(
          "maxBytesRead",
          "Bytes read",
          "Most bytes that one statement may read, uncompressed.",
          "50000000000 (50 GB)",
          1,
        )}
      </FieldSet>

      <FieldSet label="Warnings">
        {number(
          "completenessBound",
          "Completeness",
          "A panel warns where a smaller part than this of what exporters sent was counted.",
          "0.99",
          0,
          1,
        )}
        {number(
          "freshnessMinutes",
          "Freshness",
          "The health check warns when the newest flow is older than these minutes.",
          "15",
          1,
          366 * 24 * 60,
        )}
      </FieldSet>
    </>
  );
}

// The backend refuses what is about TLS where there is none.
function withTLS(on: boolean): Partial<Settings> {
  return on
    ? { tls: true, allowPlaintext: undefined }
    : { tls: undefined, serverName: undefined, tlsAuth: undefined, tlsAuthWithCACert: undefined };
}

function addressOf({ protocol, tls }: Settings): string {
  const [plain, encrypted] = protocol === "http" ? [8123, 8443] : [9000, 9440];
  return `127.0.0.1:${tls ? encrypted : plain}`;
}
