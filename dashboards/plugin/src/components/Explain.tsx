import type { TimeRange } from "@grafana/data";
import { Alert, Button } from "@grafana/ui";
import React, { useState } from "react";

import type { DataSource } from "../datasource";
import type { Explanation, ResidencyQuery } from "../types";

interface Props {
  query: ResidencyQuery;
  source: DataSource;
  range?: TimeRange;
  intervalMs?: number;
  disabled?: boolean;
}

/** Shows from which rollup and by which SQL a query is answered. */
export function Explain({ query, source, range, intervalMs, disabled }: Props) {
  const [shown, setShown] = useState<Explanation>();
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);

  const ask = async () => {
    setBusy(true);
    setFault(undefined);
    try {
      setShown(await source.explain(query, range, intervalMs));
    } catch (error) {
      setShown(undefined);
      setFault(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div>
      <Button variant="secondary" size="sm" icon="info-circle" disabled={disabled || busy} onClick={ask}>
        {busy ? "Explaining…" : "Explain"}
      </Button>
      {shown && (
        <Button variant="secondary" size="sm" fill="text" onClick={() => setShown(undefined)}>
          Hide explanation
        </Button>
      )}
      <div aria-live="polite">
        {fault && <Alert severity="error" title={fault} />}
        {shown && (
          <section aria-label="Explanation">
            <p>
              Answered from <strong>{shown.rollup || "no rollup"}</strong>: {shown.rows} rows in {shown.elapsedMs} ms.
            </p>
            {(shown.warnings ?? []).map((warning) => (
              <p key={warning}>{warning}</p>
            ))}
            {(shown.statements ?? []).map((statement, i) => (
              <div key={i}>
                <p>For {statement.for}:</p>
                <pre>{statement.sql}</pre>
              </div>
            ))}
          </section>
        )}
      </div>
    </div>
  );
}

// What the backend's resources and Grafana's own requests say went wrong.
function messageOf(error: unknown): string {
  const { data, message } = (error ?? {}) as { data?: { message?: string; error?: string }; message?: string };
  return data?.message || data?.error || message || "The query could not be explained.";
}
