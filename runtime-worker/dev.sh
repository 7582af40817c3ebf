#!/usr/bin/env bash
# Runs the Worker in wrangler on this machine, rebuilding it when a source changes: `npm run dev`.
#
# DATABASE_URL names the Postgres behind HYPERDRIVE; without it wrangler.jsonc's localConnectionString does. Bring it up to the schema with
# `portico migrate` first. The signing secret is made once and kept in .dev.vars. Further arguments go to wrangler.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
"$here/../tests/setup/wasm-toolchain.sh"
"$here/../tests/setup/node.sh"
if [ ! -f .dev.vars ]; then
  (umask 077 && printf 'JWT_SECRET=%s\n' "$(node_modules/.bin/node -p 'crypto.randomBytes(32).toString("hex")')" >.dev.vars)
  echo "dev: made .dev.vars with a fresh JWT_SECRET"
fi
if [ -n "${DATABASE_URL:-}" ]; then
  export CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE=$DATABASE_URL
fi
# Two things that wrangler would ask the network for, and that nobody needs here.
export WRANGLER_SEND_METRICS=${WRANGLER_SEND_METRICS:-false} CLOUDFLARE_CF_FETCH_ENABLED=${CLOUDFLARE_CF_FETCH_ENABLED:-false}
export PATH=$here/node_modules/.bin:$PATH
exec wrangler dev --port 8787 "$@"
