// Draws what the data source answers, with the components that Grafana's own panels were made of.
import {
  DataFrame,
  DataQueryResponse,
  FieldType,
  GrafanaTheme2,
  TimeRange,
  applyFieldOverrides,
  FieldConfigSource,
} from '@grafana/data';
import { LegendDisplayMode } from '@grafana/schema';
import { Alert, Table, TimeSeries, useTheme2 } from '@grafana/ui';
import { useMemo } from 'react';

export interface AnswerProps {
  response?: DataQueryResponse;
  range: TimeRange;
  width: number;
  height: number;
  as?: 'graph' | 'table' | 'number';
  fieldConfig?: FieldConfigSource;
  quiet?: boolean; // without notices, which Grafana's panels show as a sign in the corner
}

/** shown are the frames with the display of every value worked out. */
export function shown(frames: DataFrame[], theme: GrafanaTheme2, fieldConfig?: FieldConfigSource): DataFrame[] {
  const config = fieldConfig ?? { defaults: {}, overrides: [] };
  // A chart's own defaults, which Grafana's panel adds.
  const defaults = {
    ...config.defaults,
    color: config.defaults.color ?? { mode: 'palette-classic' },
    custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'auto', ...config.defaults.custom },
  };
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { ...config, defaults },
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

const graphed = (frames: DataFrame[]) =>
  frames.length > 0 &&
  frames.every((f) => f.fields[0]?.type === FieldType.time && f.fields.slice(1).every((x) => x.type === FieldType.number)) &&
  frames.some((f) => f.fields.length > 1);

/** message is what an error says, wherever Grafana's libraries put it. */
export function message(response?: DataQueryResponse): string | undefined {
  const error = response?.errors?.[0] ?? response?.error;
  return error && (error.message ?? error.data?.message ?? error.statusText ?? 'unknown error');
}

export function Answer({ response, range, width, height, as, fieldConfig, quiet }: AnswerProps) {
  const theme = useTheme2();
  const frames = useMemo(
    () => shown((response?.data ?? []) as DataFrame[], theme, fieldConfig),
    [response, theme, fieldConfig]
  );
  (window as unknown as { frames: DataFrame[] }).frames = frames;
  const fault = message(response);
  const notices = quiet ? [] : frames.flatMap((f) => f.meta?.notices ?? []);
  const kind = as ?? (graphed(frames) ? 'graph' : 'table');
  const drawn = kind === 'graph' ? frames : frames.filter((f) => f.fields.length > 0);
  return (
    <div data-testid="answer" data-state={response ? (fault ? 'error' : 'done') : 'none'} data-frames={frames.length}>
      {fault && (
        <Alert severity="error" title={fault} data-testid="fault">
          {null}
        </Alert>
      )}
      {notices.map((n, i) => (
        <Alert key={i} severity={n.severity === 'warning' ? 'warning' : 'info'} title={n.text} data-testid="notice" />
      ))}
      {response && !fault && drawn.length === 0 && <p>No data</p>}
      {drawn.length > 0 && kind === 'graph' && (
        <TimeSeries
          frames={drawn}
          timeRange={range}
          timeZone="utc"
          width={width}
          height={height}
          legend={{ displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] }}
        />
      )}
      {drawn.length > 0 &&
        kind !== 'graph' &&
        drawn.slice(0, 4).map((f, i) => (
          <Table key={i} data={f} width={width} height={Math.floor(height / Math.min(drawn.length, 4))} columnMinWidth={110} />
        ))}
    </div>
  );
}
