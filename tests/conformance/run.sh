#!/usr/bin/env bash
# Every audit of graphql-http against the real server, then all checks of the doors against their example. Needs `npm ci` here before.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}

# As the tests have built them: chosen alone, each would build its dependencies anew, with other features.
cargo build --locked --workspace --bin aftercare --example doors

folder=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap finish EXIT

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
cd "$folder"
env AFTERCARE_LISTEN="127.0.0.1:$port" AFTERCARE_METRICS_LISTEN=off AFTERCARE_RATE_LIMIT__PER_SECOND=0 AFTERCARE_ENV=development \
    "$target/debug/aftercare" serve >"$folder/log" 2>&1 &
server=$!

up=
for _ in $(seq 150); do
    if curl --silent --fail --output /dev/null "http://127.0.0.1:$port/healthz"; then up=1; break; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
done
[ -n "$up" ] || { echo 'the server did not start:' >&2; cat "$folder/log" >&2; exit 1; }

cd "$root/tests/conformance"
failed=0
echo 'the real server:'
node audit.mjs "http://127.0.0.1:$port/graphql" || failed=1
kill -0 "$server" || { echo 'the server is gone:' >&2; cat "$folder/log" >&2; failed=1; }
echo 'the example of the doors:'
node run.mjs "$target/debug/examples/doors" || failed=1
exit "$failed"
