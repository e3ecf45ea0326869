#!/bin/bash
# Runs once, when ClickHouse makes its data: the user that Grafana and the page read with.
set -eu
clickhouse-client --user landfall --password "$CLICKHOUSE_PASSWORD" --multiquery --query "
CREATE USER IF NOT EXISTS landfall_reader IDENTIFIED BY '${LANDFALL_READER_PASSWORD//\'/\\\'}' SETTINGS readonly = 2;
GRANT SELECT ON landfall.* TO landfall_reader;"
