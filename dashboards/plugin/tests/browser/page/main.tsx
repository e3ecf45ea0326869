// The page of the browser test: ?view= says which of the plugin's editors, ?theme= light or dark,
// ?from= and ?to= the time range in milliseconds since 1970, ?query= a first query in JSON.
import { ThemeContext, TimeRange, dateTime } from '@grafana/data';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, GlobalStyles, PortalContainer } from '@grafana/ui';
import { ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { open, start, uid } from './grafana';
import { load } from './load';
import { Overview } from './overview';
import { Annotations, Explore, Settings, Variable, setVariables } from './views';

const views = { explore: Explore, settings: Settings, variable: Variable, annotations: Annotations, overview: Overview };

const address = new URLSearchParams(location.search);
const theme = start(address.get('theme') === 'light' ? 'light' : 'dark');
const moment = (name: string, otherwise: number) => dateTime(Number(address.get(name) ?? otherwise)).utc();

function range(): TimeRange {
  const [from, to] = [moment('from', Date.now() - 7 * 86_400_000), moment('to', Date.now())];
  return { from, to, raw: { from, to } };
}

function Page({ children }: { children: ReactNode }) {
  return (
    <StrictMode>
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <PortalContainer />
        <main style={{ padding: 24, minHeight: '100vh', background: theme.colors.background.primary }}>{children}</main>
      </ThemeContext.Provider>
    </StrictMode>
  );
}

async function content() {
  try {
    setVariables(address);
    const loaded = await load();
    (window as unknown as { loaded: unknown }).loaded = {
      components: Object.keys(loaded.plugin.components), dependencies: loaded.dependencies,
    };
    const source = await open(loaded.plugin, loaded.meta);
    source.saved = await getBackendSrv().get(`/api/datasources/uid/${uid}`);
    const View = views[(address.get('view') ?? 'explore') as keyof typeof views];
    const query = { refId: 'A', datasource: { uid, type: loaded.meta.id }, ...JSON.parse(address.get('query') ?? '{}') };
    return <View loaded={loaded} source={source} range={range()} query={query} />;
  } catch (error) {
    console.error(error);
    return <Alert severity="error" title={String(error)} data-testid="broken" />;
  }
}

void content().then((inside) => {
  document.body.style.margin = '0';
  document.body.classList.add(theme.isDark ? 'theme-dark' : 'theme-light');
  createRoot(document.getElementById('root')!).render(<Page>{inside}</Page>);
  document.documentElement.dataset.ready = 'true';
});
