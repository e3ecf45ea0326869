// Draws a dashboard's panels, all queries at once, as far as Grafana's libraries have what its panels
// are made of: charts, tables and numbers; a map is a table here.
import { DataQuery, DataQueryResponse, DataTransformerConfig, FieldConfigSource, getFieldDisplayValues, ReduceDataOptions, transformDataFrame } from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, PanelChrome, useTheme2 } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { lastValueFrom } from 'rxjs';
import { Answer, message, shown } from './Answer';
import { uid } from './grafana';
import { ViewProps, ask, requestOf } from './views';

interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: DataQuery[];
  fieldConfig?: FieldConfigSource;
  options?: { reduceOptions?: Partial<ReduceDataOptions>; content?: string };
  transformations?: DataTransformerConfig[];
  panels?: Panel[];
}

const cell = { width: 51.3, height: 38 }; // of Grafana's grid of 24 columns, at 1280 pixels

export function Overview({ loaded, source, range }: ViewProps) {
  const [panels, setPanels] = useState<Panel[]>([]);
  const [answers, setAnswers] = useState<Record<number, DataQueryResponse>>({});
  useEffect(() => {
    const name = new URLSearchParams(location.search).get('dashboard') ?? 'landfall-overview';
    void (async () => {
      const { panels } = (await (await fetch(`/dashboards/${name}.json`)).json()) as { panels: Panel[] };
      setPanels(panels);
      const begun = performance.now();
      await Promise.all(
        panels.filter((p) => p.targets?.length).map(async (p) => {
          const targets = p.targets!.map((t) => ({ ...t, datasource: { uid, type: loaded.meta.id } }));
          const response = await ask(source, requestOf(targets, range, p.id));
          if (p.transformations?.length) {
            response.data = await lastValueFrom(transformDataFrame(p.transformations, response.data));
          }
          setAnswers((all) => ({ ...all, [p.id]: response }));
        })
      );
      document.documentElement.dataset.painted = String(performance.now() - begun);
    })();
  }, [loaded, source, range]);
  const rows = panels.reduce((most, p) => Math.max(most, p.gridPos.y + p.gridPos.h), 0);
  return (
    <div style={{ position: 'relative', width: 24 * cell.width, height: rows * cell.height }}>
      {panels.map((p) => {
        const size = { width: p.gridPos.w * cell.width - 8, height: p.gridPos.h * cell.height - 8 };
        const place = { position: 'absolute' as const, left: p.gridPos.x * cell.width, top: p.gridPos.y * cell.height };
        return (
          <section key={p.id} style={place} data-testid="panel" data-title={p.title} data-fault={message(answers[p.id]) ?? ''}>
            {p.type === 'row' ? (
              <h4>{p.title}</h4>
            ) : (
              <PanelChrome title={p.title} description={p.description} {...size}>
                {(width, height) => <Inside panel={p} response={answers[p.id]} range={range} width={width} height={height} />}
              </PanelChrome>
            )}
          </section>
        );
      })}
    </div>
  );
}

function Inside({ panel, response, range, width, height }: { panel: Panel; response?: DataQueryResponse; range: ViewProps['range']; width: number; height: number }) {
  const theme = useTheme2();
  if (panel.type === 'text') {
    return <p>{panel.options?.content}</p>;
  }
  if (panel.type !== 'stat' || !response || message(response)) {
    const as = panel.type === 'timeseries' ? 'graph' : 'table';
    return <Answer response={response} range={range} width={width} height={height} as={as} fieldConfig={panel.fieldConfig} quiet />;
  }
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    reduceOptions: { calcs: ['lastNotNull'], ...panel.options?.reduceOptions },
    replaceVariables: (text) => text,
    theme,
    data: shown(response.data, theme, panel.fieldConfig),
    timeZone: 'utc',
  }).map((v) => ({ ...v.display, title: v.display.title }));
  const each = Math.floor(width / Math.max(1, values.length));
  return (
    <div style={{ display: 'flex' }}>
      {values.map((v, i) => (
        <BigValue key={i} theme={theme} width={each} height={height} value={v} colorMode={BigValueColorMode.Value} graphMode={BigValueGraphMode.None} />
      ))}
    </div>
  );
}
