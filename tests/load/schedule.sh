#!/usr/bin/env bash
# The public schedule under the load of `wrk`: the same question, questions of which no two are alike, and a bare handler that returns
# the same bytes. It makes its own made-up data in a folder that it removes, on SQLite or in the empty database that
# AFTERCARE_DATABASE__URL names. Needs wrk, curl and a release build:
#     tests/load/schedule.sh [SECONDS] [WORKSHOPS] [SESSIONS_EACH]
set -euo pipefail
cd "$(dirname "$0")/../.."
lasts=${1:-10} workshops=${2:-1000} sessions=${3:-10}
command -v wrk >/dev/null || { echo "wrk is not installed: on Debian, apt-get install wrk" >&2; exit 1; }
# With the features of the benchmarks, or nearly all of it would be compiled twice.
cargo build --quiet --release -p aftercare -p aftercare-tests --bin aftercare
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
program=$target/release/aftercare
# The benchmark knows how to be the bare handler.
bare=$(cargo bench --no-run -p aftercare-tests 2>&1 | sed -n 's/.*Executable.*(\(.*\/speed-[^)]*\))/\1/p')

place=$(mktemp -d)
started=()
clean() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$place"
}
trap clean EXIT
export AFTERCARE_DATABASE__URL=${AFTERCARE_DATABASE__URL:-sqlite://$place/aftercare.db}
export AFTERCARE_KEYS_DIR=$place/keys AFTERCARE_ENV=development AFTERCARE_METRICS_LISTEN=off AFTERCARE_RATE_LIMIT__PER_SECOND=0
"$program" demo load --clients 100 --workshops "$workshops" --sessions "$sessions" --registrations 100

serve() { # serve PORT: the server, from memory or, with a setting before it, from the database
    AFTERCARE_LISTEN=127.0.0.1:$1 "$program" serve >/dev/null 2>"$place/log-$1" &
    started+=($!)
    for _ in $(seq 600); do curl -fs "http://127.0.0.1:$1/readyz" >/dev/null && return; sleep 0.1; done
    cat "$place/log-$1" >&2
    exit 1
}
serve 18080
AFTERCARE_SCHEDULE__IN_MEMORY=false serve 18081

from=$(date -u +%Y-%m-%dT%H:00:00)
cat >"$place/ask.lua" <<LUA
-- Each question from another moment on, where they are to differ: a thread has moments of its own.
local query = [[query(\$from: DateTime!) { sessions(first: 20, filter: { starts: { from: \$from } }) { nodes { id status startsAt endsAt
    localStart seatsLeftInPerson seatsLeftOnline gathering { id title topics { code label } facilitators { displayName } } }
    pageInfo { hasNextPage endCursor } } }]]
query = query:gsub("%s+", " ")
local number, threads = 0, 0
function setup(thread) thread:set("own", threads) threads = threads + 1 end
function init(args) differ = args[1] == "differ" end
function request()
    if differ then number = number + 1 end
    local from = string.format("${from}.%06dZ", (own * 400000 + number) % 1000000)
    local body = string.format('{"query":"%s","variables":{"from":"%s"}}', query, from)
    return wrk.format("POST", "/graphql", { ["content-type"] = "application/json", accept = "application/graphql-response+json" }, body)
end
function done(summary, latency)
    if summary.errors.status > 0 then io.stderr:write("ANSWERS THAT ARE NO 200: " .. summary.errors.status .. "\n") end
    io.write(string.format("%.0f a second, p50 %.2f ms, p99 %.2f ms\n", summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
LUA
load() { # load WHAT PORT [differ]
    printf '%-44s' "$1"
    wrk -t2 -c16 -d"${lasts}s" -s "$place/ask.lua" "http://127.0.0.1:$2" -- "${3:-same}" | tail -n 1
}
ask='{"query":"query($from: DateTime!) { sessions(first: 20, filter: { starts: { from: $from } }) { nodes { id status startsAt endsAt localStart seatsLeftInPerson seatsLeftOnline gathering { id title topics { code label } facilitators { displayName } } } pageInfo { hasNextPage endCursor } } }","variables":{"from":"'$from'.000000Z"}}'
curl -fs http://127.0.0.1:18080/graphql -H 'content-type: application/json' -d "$ask" >"$place/answer"
echo "an answer has $(wc -c <"$place/answer") bytes"
"$bare" --bare <"$place/answer" >"$place/bare" &
started+=($!)
for _ in $(seq 600); do [ -s "$place/bare" ] && break; sleep 0.1; done
bare_port=$(cut -d: -f2 "$place/bare")

load "warm" 18080 >/dev/null
load "the same, told again" 18080
load "a bare handler with the same bytes" "$bare_port"
load "no two alike, from memory" 18080 differ
load "no two alike, from the database" 18081 differ
