import { DataSourcePlugin } from "@grafana/data";

import { ConfigEditor } from "./components/ConfigEditor";
import { QueryEditor } from "./components/QueryEditor";
import { DataSource } from "./datasource";
import type { ResidencyQuery, SecureSettings, Settings } from "./types";

export const plugin = new DataSourcePlugin<DataSource, ResidencyQuery, Settings, SecureSettings>(DataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
