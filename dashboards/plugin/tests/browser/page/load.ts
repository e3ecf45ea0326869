// Loads the built module.js as Grafana does: an AMD module whose dependencies are Grafana's own copies.
import * as emotionCss from '@emotion/css';
import * as emotionReact from '@emotion/react';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUi from '@grafana/ui';
import jquery from 'jquery';
import lodash from 'lodash';
import moment from 'moment';
import * as react from 'react';
import * as reactDom from 'react-dom';
import * as reactRouter from 'react-router-dom';
import * as rxjs from 'rxjs';
import * as rxjsOperators from 'rxjs/operators';
import type { DataSourceApi, DataSourceInstanceSettings, DataSourcePluginMeta } from '@grafana/data';
import type { ComponentType } from 'react';
import { pluginId } from './grafana';

/** Plugin is what module.js exports: a DataSourcePlugin. */
export interface Plugin {
  DataSourceClass: new (settings: DataSourceInstanceSettings) => DataSourceApi & Record<string, any>;
  components: Record<string, ComponentType<any> | undefined>;
}

// What Grafana 9.4 and every later one shares under these names; @grafana/schema and @grafana/i18n are
// not among them, and react/jsx-runtime only in newer ones.
export const shared: Record<string, unknown> = {
  '@emotion/css': emotionCss,
  '@emotion/react': emotionReact,
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUi,
  jquery: { ...jquery, default: jquery },
  lodash: { ...lodash, default: lodash },
  moment: Object.assign(moment, { default: moment }),
  react: { ...react, default: react },
  'react-dom': { ...reactDom, default: reactDom },
  'react-router-dom': reactRouter,
  rxjs,
  'rxjs/operators': rxjsOperators,
};

export interface Loaded {
  plugin: Plugin;
  meta: DataSourcePluginMeta;
  dependencies: string[];
}

type Factory = (...dependencies: unknown[]) => unknown;

export async function load(): Promise<Loaded> {
  const folder = `/public/plugins/${pluginId}`;
  const manifest = await (await fetch(`${folder}/plugin.json`)).json();
  const meta = { ...manifest, module: `${folder}/module.js`, baseUrl: folder } as DataSourcePluginMeta;
  const [names, factory] = await define(`${folder}/module.js`);
  const exported: Record<string, unknown> = {};
  const given = names.map((name) => {
    if (name === 'exports') {
      return exported;
    }
    if (name === 'require') {
      return () => {
        throw new Error('module.js calls require, which Grafana does not have');
      };
    }
    if (name === 'module') {
      return { id: pluginId, uri: `${folder}/module.js`, exports: exported };
    }
    if (!(name in shared)) {
      throw new Error(`module.js asks for ${name}, which not every Grafana from 9.4 on shares`);
    }
    return shared[name];
  });
  const returned = factory(...given) as { plugin?: Plugin } | undefined;
  const plugin = returned?.plugin ?? (exported.plugin as Plugin | undefined);
  if (!plugin) {
    throw new Error('module.js does not export plugin');
  }
  return { plugin, meta, dependencies: names.filter((n) => n in shared) };
}

/** define runs a script and returns what it gives to AMD's define. */
function define(url: string): Promise<[string[], Factory]> {
  return new Promise((resolve, reject) => {
    let got: [string[], Factory] | undefined;
    const amd = (...args: unknown[]) => {
      const factory = args.pop() as Factory;
      got = [(args.pop() as string[] | undefined) ?? [], factory];
    };
    amd.amd = {};
    const scope = window as unknown as { define?: unknown };
    scope.define = amd;
    const script = document.createElement('script');
    script.src = url;
    script.onload = () => {
      delete scope.define;
      if (got) {
        resolve(got);
      } else {
        reject(new Error('module.js is not an AMD module'));
      }
    };
    script.onerror = () => reject(new Error(`${url} cannot be loaded`));
    document.head.append(script);
  });
}
