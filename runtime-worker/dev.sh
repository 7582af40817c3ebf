#!/usr/bin/env bash
# Runs the Worker in wrangler on this machine, rebuilding it when a source changes: `npm run dev`.
#
# DATABASE_URL names the Postgres behind HYPERDRIVE; without it wrangler.jsonc's localConnectionString does. Bring it up to the schema with
# `portico migrate` first. The signing secret and the encryption key are made once and kept in .dev.vars. Further arguments go to wrangler.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
"$here/../tests/setup/wasm-toolchain.sh"
"$here/../tests/setup/node.sh"
make_secret() {
  grep -qs "^$1=" .dev.vars && return
  (umask 077 && printf '%s=%s\n' "$1" "$(node_modules/.bin/node -p "$2")" >>.dev.vars)
  echo "dev: put a fresh $1 into .dev.vars"
}
make_secret JWT_SECRET 'crypto.randomBytes(32).toString("hex")'
make_secret PORTICO_ENCRYPTION_KEYS '"dev:" + crypto.randomBytes(32).toString("base64")'
if [ -n "${DATABASE_URL:-}" ]; then
  export CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE=$DATABASE_URL
fi
# Two things that wrangler would ask the network for, and that nobody needs here.
export WRANGLER_SEND_METRICS=${WRANGLER_SEND_METRICS:-false} CLOUDFLARE_CF_FETCH_ENABLED=${CLOUDFLARE_CF_FETCH_ENABLED:-false}
export PATH=$here/node_modules/.bin:$PATH
exec wrangler dev --port 8787 "$@"
