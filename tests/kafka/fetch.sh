#!/usr/bin/env bash
# Fetches the broker's jars if the pom has changed since. The stamp comes last, so a broken download
# is repeated.
set -euo pipefail
. "$(dirname "$0")/env.sh"

stamp=$libs/.from-pom
if cmp -s "$here/pom.xml" "$stamp"; then
  touch "$stamp"
  exit 0
fi
command -v mvn >/dev/null || die "mvn is missing: apt-get install maven"
echo "kafka: fetching the broker's jars (43 MB) to $libs"
rm -rf "$libs"
mkdir -p "$libs"
mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs"
cp "$here/pom.xml" "$stamp"
