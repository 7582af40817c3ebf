#!/usr/bin/env bash
# Makes sure that tests can start Postgres and Redis of their own, or have been given running ones, and that wrk is there.
#
# Tests start their own servers from these binaries, in scratch directories and on free ports. Where TEST_DATABASE_URL names a running
# one, that is used and nothing is installed. Redis is needed in any case: some tests hang and kill it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
log=$root/target/tools/services.log
mkdir -p "$root/target/tools"

find_postgres() {
  local candidate
  for candidate in "$(command -v postgres || true)" /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres; do
    if [ -x "$candidate" ] && [ -x "$(dirname "$candidate")/initdb" ]; then echo "$candidate"; return 0; fi
  done
  return 1
}

install() {
  command -v apt-get >/dev/null || { echo "services: install $1, or set $2 to where there is one" >&2; exit 1; }
  local superuser=()
  [ "$(id -u)" = 0 ] || superuser=(sudo)
  { "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" ||
    { "${superuser[@]}" apt-get update && "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"; }; } \
    >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
}

if [ -n "${TEST_DATABASE_URL:-}" ]; then
  postgres="given by TEST_DATABASE_URL"
else
  find_postgres >/dev/null || install postgresql TEST_DATABASE_URL
  postgres=$(find_postgres) || { echo "services: no postgres binary beside an initdb was found" >&2; exit 1; }
fi
command -v redis-server >/dev/null || install redis-server PATH
redis=$(command -v redis-server)
# What the load driver is compared with. Debian and Ubuntu package it; elsewhere it is Homebrew's.
command -v wrk >/dev/null || install wrk PATH
[ -z "${TEST_REDIS_URL:-}" ] || redis="$redis, for conformance the one of TEST_REDIS_URL"
echo "services: postgres $postgres, redis $redis, wrk $(command -v wrk)"
