// The services that Grafana gives a plugin, over the few requests that the test's host answers.
import {
  DataSourceInstanceSettings,
  DataSourcePluginMeta,
  GrafanaTheme2,
  ScopedVars,
  TypedVariableModel,
  createTheme,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';
import {
  BackendSrv,
  BackendSrvRequest,
  DataSourceSrv,
  TemplateSrv,
  config,
  setBackendSrv,
  setDataSourceSrv,
  setTemplateSrv,
} from '@grafana/runtime';
import { Observable, from } from 'rxjs';
import type { Plugin } from './load';

export const uid = 'landfall';
export const pluginId = 'landfall-residency-datasource';

/** variables are the values of a dashboard's variables; a test sets them by the page's address. */
export const variables: Record<string, string | string[]> = {};

async function send(request: BackendSrvRequest) {
  const url = new URL(request.url, location.origin);
  for (const [name, value] of Object.entries(request.params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      url.searchParams.append(name, String(one));
    }
  }
  const response = await fetch(url, {
    method: request.method ?? 'GET',
    headers: { ...request.headers, ...(request.data === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: request.data === undefined ? undefined : JSON.stringify(request.data),
  });
  const text = await response.text();
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    // A resource may answer with text.
  }
  const answer = { data, status: response.status, statusText: response.statusText, ok: response.ok, config: request };
  if (!response.ok) {
    throw answer;
  }
  return answer;
}

const request = (method: string) => (url: string, body?: unknown) =>
  send(method === 'GET' ? { url, method, params: body as Record<string, string> } : { url, method, data: body }).then(
    (r) => r.data
  );

const backendSrv = {
  fetch: (r: BackendSrvRequest) => from(send(r)) as Observable<unknown>,
  datasourceRequest: send,
  request: (r: BackendSrvRequest) => send(r).then((a) => a.data),
  get: request('GET'),
  post: request('POST'),
  put: request('PUT'),
  patch: request('PATCH'),
  delete: request('DELETE'),
} as unknown as BackendSrv;

/** formatted writes a variable's value as Grafana's formats of the same name do. */
function formatted(value: string | string[], format?: unknown, name = ''): string {
  if (typeof format === 'function') {
    return String(format(value, { name, multi: Array.isArray(value), includeAll: true }, undefined));
  }
  const list = Array.isArray(value) ? value : [value];
  switch (format) {
    case 'json':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'csv':
    case 'raw':
      return list.join(',');
    default:
      return list.length === 1 ? list[0] : `{${list.join(',')}}`;
  }
}

const reference = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}/g;

const templateSrv: TemplateSrv = {
  getVariables: () =>
    Object.entries(variables).map(([name, current]) => ({ name, type: 'query', current: { value: current } })) as unknown as TypedVariableModel[],
  replace: (target?: string, scoped?: ScopedVars, format?: string | Function) =>
    (target ?? '').replace(reference, (whole, a, b, formatB, c, formatC) => {
      const name = a ?? b ?? c;
      const value = scoped?.[name]?.value ?? variables[name];
      return value === undefined ? whole : formatted(value, formatB ?? formatC ?? format, name);
    }),
  containsTemplate: (target?: string) => new RegExp(reference.source).test(target ?? ''),
  updateTimeRange: () => {},
};

/** start gives Grafana's libraries what they expect of the application around them. */
export function start(mode: 'light' | 'dark'): GrafanaTheme2 {
  const theme = createTheme({ colors: { mode } });
  config.theme2 = theme;
  setBackendSrv(backendSrv);
  setTemplateSrv(templateSrv);
  standardTransformersRegistry.setInit(() => Object.values(standardTransformers).map((t) => ({
    id: t.id, name: t.name, transformation: t, editor: () => null, imageDark: '', imageLight: '',
  })) as never);
  standardFieldConfigEditorRegistry.setInit(() => fieldOptions() as never);
  return theme;
}

// The options of a field that dashboards set, without their editors.
function fieldOptions() {
  const plain = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'links', 'mappings', 'thresholds'].map(
    (id) => ({ id, path: id })
  );
  const custom = [
    'drawStyle', 'lineWidth', 'fillOpacity', 'lineInterpolation', 'showPoints', 'stacking', 'axisSoftMin', 'axisSoftMax',
    'hideFrom', 'width', 'align', 'cellOptions', 'fillBelowTo', 'lineStyle', 'axisLabel', 'spanNulls', 'barAlignment',
  ].map((id) => ({ id: `custom.${id}`, path: id, isCustom: true }));
  return [...plain, ...custom].map((o) => ({
    ...o, name: o.id, editor: () => null, override: () => null,
    process: (value: unknown) => value, shouldApply: () => true,
  }));
}

/** settings are the data source's, as the front end of Grafana gets them: without secrets. */
export async function settings(meta: DataSourcePluginMeta): Promise<DataSourceInstanceSettings> {
  const saved = await backendSrv.get(`/api/datasources/uid/${uid}`);
  return { id: 1, uid, name: saved.name, type: pluginId, meta, access: 'proxy', readOnly: false, jsonData: saved.jsonData };
}

/** open makes the data source, and lets Grafana's libraries find it. */
export async function open(plugin: Plugin, meta: DataSourcePluginMeta) {
  const own = await settings(meta);
  const source = new plugin.DataSourceClass(own);
  source.meta = meta;
  setDataSourceSrv({
    get: () => Promise.resolve(source),
    getList: () => [own],
    getInstanceSettings: () => own,
    reload: () => {},
    registerRuntimeDataSource: () => {},
  } as unknown as DataSourceSrv);
  return source;
}
