// What a person sees of the plugin: settings, the query editor with its answer, a variable, annotations.
import {
  AnnotationQuery,
  DataQuery,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceApi,
  DataSourceSettings,
  TimeRange,
  CoreApp,
  LoadingState,
  PanelData,
} from '@grafana/data';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, Button } from '@grafana/ui';
import { useState } from 'react';
import { Observable, from, isObservable, lastValueFrom } from 'rxjs';
import { Answer } from './Answer';
import { uid, variables } from './grafana';
import type { Loaded } from './load';

type Source = DataSourceApi & Record<string, any>;

export interface ViewProps {
  loaded: Loaded;
  source: Source;
  range: TimeRange;
  query: DataQuery;
}

const answerSize = { width: 1180, height: 360 };

/** requestOf is what Grafana sends for one panel. */
export function requestOf(targets: DataQuery[], range: TimeRange, panelId = 1): DataQueryRequest {
  const maxDataPoints = 1000;
  const span = range.to.valueOf() - range.from.valueOf();
  return {
    requestId: `Q${panelId}`, app: CoreApp.Explore, timezone: 'utc', startTime: Date.now(), range, targets,
    interval: `${Math.ceil(span / maxDataPoints / 1000)}s`, intervalMs: Math.ceil(span / maxDataPoints),
    maxDataPoints, panelId, dashboardUID: 'page', scopedVars: {},
  };
}

/** ask waits for the last answer. */
export async function ask(source: Source, request: DataQueryRequest): Promise<DataQueryResponse> {
  try {
    const answer = source.query(request);
    return await (isObservable(answer) ? lastValueFrom(answer as Observable<DataQueryResponse>) : answer);
  } catch (error) {
    return { data: [], errors: [{ message: error instanceof Error ? error.message : JSON.stringify(error) }] };
  }
}

export function Explore({ loaded, source, range, query: first }: ViewProps) {
  const Editor = loaded.plugin.components.QueryEditor!;
  const [query, setQuery] = useState<DataQuery>(
    // Grafana fills in the defaults of an empty query only.
    'queryType' in first ? first : { ...source.getDefaultQuery?.(CoreApp.Explore), ...first }
  );
  const [response, setResponse] = useState<DataQueryResponse>();
  const [latest] = useState({ query, runs: 0 });
  const run = async () => {
    const n = ++latest.runs;
    setResponse(undefined);
    const answer = await ask(source, requestOf([latest.query], range));
    if (n === latest.runs) {
      setResponse(answer);
    }
  };
  const data: PanelData = { series: response?.data ?? [], state: LoadingState.Done, timeRange: range, request: requestOf([query], range) };
  return (
    <>
      <div data-testid="editor">
        <Editor
          datasource={source} query={query} range={range} data={response ? data : undefined} app={CoreApp.Explore}
          queries={[query]} history={[]}
          onChange={(q: DataQuery) => {
            latest.query = q;
            setQuery(q);
          }}
          onRunQuery={() => void run()}
        />
      </div>
      <p>
        <Button data-testid="run" onClick={() => void run()}>Run query</Button>
      </p>
      <Answer response={response} range={range} {...answerSize} />
      <pre data-testid="query" hidden>{JSON.stringify(query)}</pre>
    </>
  );
}

export function Settings({ loaded, source }: ViewProps) {
  const Editor = loaded.plugin.components.ConfigEditor!;
  const [options, setOptions] = useState<DataSourceSettings>({
    ...source.instanceSettings, id: 1, uid, orgId: 1, name: 'Landfall', type: loaded.meta.id, typeName: loaded.meta.name,
    typeLogoUrl: '', access: 'proxy', url: '', user: '', database: '', basicAuth: false, basicAuthUser: '', isDefault: true,
    readOnly: false, withCredentials: false, jsonData: source.saved.jsonData, secureJsonFields: source.saved.secureJsonFields,
  } as DataSourceSettings);
  const [result, setResult] = useState<{ status: string; message: string }>();
  const save = async () => {
    setResult(undefined);
    const saved = await getBackendSrv().put(`/api/datasources/uid/${uid}`, options);
    // As Grafana does: what was typed is forgotten, and the form shows what is saved.
    setOptions({ ...options, jsonData: saved.jsonData, secureJsonFields: saved.secureJsonFields, secureJsonData: undefined });
    try {
      setResult((await source.testDatasource()) as { status: string; message: string });
    } catch (error) {
      setResult({ status: 'error', ...(error as { message: string }), message: (error as { message: string }).message });
    }
  };
  return (
    <>
      <div data-testid="editor">
        <Editor options={options} onOptionsChange={setOptions} />
      </div>
      <p>
        <Button data-testid="save" onClick={() => void save()}>Save &amp; test</Button>
      </p>
      {result && (
        <div data-testid="health" data-status={result.status}>
          <Alert severity={result.status === 'success' ? 'success' : 'error'} title={result.message} />
        </div>
      )}
      <pre data-testid="settings" hidden>{JSON.stringify(options.jsonData)}</pre>
    </>
  );
}

export function Variable({ loaded, source, range, query: first }: ViewProps) {
  const Editor = loaded.plugin.components.VariableQueryEditor ?? source.variables?.editor;
  const [query, setQuery] = useState<any>({ ...first, ...source.variables?.getDefaultQuery?.() });
  const [found, setFound] = useState<Array<{ text: string; value?: unknown }>>();
  const [fault, setFault] = useState('');
  const run = async () => {
    setFault('');
    try {
      const answer = source.variables
        ? ((await lastValueFrom(from(source.variables.query(requestOf([query], range))))) as DataQueryResponse).data
        : await source.metricFindQuery!(query, { range });
      setFound(answer as typeof found);
    } catch (error) {
      setFault((error as Error).message ?? JSON.stringify(error));
    }
  };
  return (
    <>
      <div data-testid="editor">
        <Editor datasource={source} query={query} onChange={(q: unknown) => setQuery(q)} onRunQuery={() => void run()} range={range} />
      </div>
      <p>
        <Button data-testid="run" onClick={() => void run()}>Preview of values</Button>
      </p>
      {fault && <Alert severity="error" title={fault} data-testid="fault" />}
      <ul data-testid="values">{found?.map((v, i) => <li key={i} data-value={String(v.value ?? v.text)}>{v.text}</li>)}</ul>
      <pre data-testid="query" hidden>{JSON.stringify(query)}</pre>
    </>
  );
}

export function Annotations({ loaded, source, range }: ViewProps) {
  const support = source.annotations ?? {};
  const Editor = support.QueryEditor ?? loaded.plugin.components.QueryEditor!;
  const prepared: DataQuery = support.getDefaultQuery?.() ?? {};
  const [annotation, setAnnotation] = useState<AnnotationQuery>({
    name: 'Landfall', enable: true, iconColor: 'red', target: { ...prepared, refId: 'Anno' },
  });
  const [response, setResponse] = useState<DataQueryResponse>();
  const run = async () => {
    setResponse(undefined);
    const target = support.prepareQuery?.(annotation) ?? annotation.target;
    setResponse(await ask(source, requestOf([{ ...target, refId: 'Anno' } as DataQuery], range)));
  };
  return (
    <>
      <div data-testid="editor">
        <Editor
          datasource={source} query={annotation.target} annotation={annotation} range={range}
          onChange={(target: DataQuery) => setAnnotation({ ...annotation, target } as AnnotationQuery)}
          onAnnotationChange={setAnnotation} onRunQuery={() => void run()}
        />
      </div>
      <p>
        <Button data-testid="run" onClick={() => void run()}>Test annotation query</Button>
      </p>
      <Answer response={response} range={range} {...answerSize} as="table" />
      <pre data-testid="query" hidden>{JSON.stringify(annotation.target)}</pre>
    </>
  );
}

export const setVariables = (values: URLSearchParams) => {
  for (const name of new Set(values.keys())) {
    if (name.startsWith('var-')) {
      const all = values.getAll(name);
      variables[name.slice(4)] = all.length === 1 ? all[0] : all;
    }
  }
};
