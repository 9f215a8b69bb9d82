// What an attacker, or a careless page of another site, would send to the example server. Each is refused within a second,
// nothing is executed, and the server is well afterwards.
import assert from "node:assert/strict";
import net from "node:net";
import { check, count, finish, post, url } from "./checks.mjs";

const origin = new URL(url);

// Runs one attack; it must be quick, execute nothing and leave the server healthy.
const attack = (name, run, most = 1000) =>
  check(name, async () => {
    const before = await count();
    const began = performance.now();
    await run();
    const took = performance.now() - began;
    assert.ok(took < most, `took ${Math.round(took)} ms`);
    assert.equal(await count(), before, "something was executed");
    assert.equal((await fetch(new URL("/healthz", url))).status, 200);
  });

const mutation = JSON.stringify({ query: "mutation { count }" });

for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/graphql", ""]) {
  attack(`POST as ${type || "nothing"}`, async () => {
    const { status } = await post(mutation, { "content-type": type });
    assert.equal(status, 415);
  });
}

attack("POST without a content type", async () => {
  assert.match(await raw(`POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: ${mutation.length}\r\nconnection: close\r\n\r\n${mutation}`), /^HTTP\/1.1 415/);
});

attack("a mutation by GET", async () => {
  const response = await fetch(`${url}?query=${encodeURIComponent("mutation { count }")}`);
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "POST");
});

attack("a mutation by GET, chosen by name", async () => {
  const query = encodeURIComponent("query A { hello } mutation B { count }");
  assert.equal((await fetch(`${url}?query=${query}&operationName=B`)).status, 405);
});

for (const [name, query, variables] of [
  ["a ticket", '{ registration(ticket: "t") }'],
  ["a ticket by variable", "query($t: String) { registration(ticket: $t) }", { t: "x" }],
  ["a place", '{ workshops(filter: {near: "x"}) { title } }'],
  ["a place by variable", "query($f: WorkshopFilter) { workshops(filter: $f) { title } }", { f: { near: "x" } }],
]) {
  attack(`${name} by GET`, async () => {
    const response = await fetch(`${url}?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(JSON.stringify(variables ?? {}))}`);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).errors[0].extensions.code, "BAD_USER_INPUT");
  });
}

attack("GET with a token runs as nobody", async () => {
  const response = await fetch(`${url}?query=%7Bcaller%7D`, { headers: { authorization: "Bearer good" } });
  assert.equal((await response.json()).data.caller, "Anonymous");
});

// Writes bytes to a socket as far as the server takes them, and gives what it answered.
function raw(head, body) {
  return new Promise((resolve) => {
    const socket = net.connect(Number(origin.port), origin.hostname);
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
      if (body) socket.destroy();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", () => {});
    socket.write(head);
    if (body) socket.write(body);
  });
}

attack("20 MB that say so", async () => {
  const answer = await raw("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20971520\r\n\r\n", Buffer.alloc(20971520, 32));
  assert.match(answer, /^HTTP\/1.1 413/);
});

attack("20 MB that do not say so", async () => {
  const chunk = `100000\r\n${" ".repeat(1048576)}\r\n`;
  const answer = await raw("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", Buffer.from(chunk.repeat(20)));
  assert.match(answer, /^HTTP\/1.1 413/);
});

attack("20 MB by fetch", async () => {
  const { status } = await post(`{"query":"${" ".repeat(20971520)}"}`).catch((error) => ({ status: error.cause?.code }));
  assert.ok([413, "EPIPE", "ECONNRESET", "UND_ERR_SOCKET"].includes(status), `${status}`);
}, 2000);

const refused = (name, query, code, more = {}) =>
  attack(name, async () => {
    const answer = await post({ query, ...more });
    assert.equal(answer.status, 400);
    assert.equal(answer.code, code);
    assert.equal(answer.json.data, undefined);
    assert.ok(answer.json.errors.length <= 25, `${answer.json.errors.length} errors`);
    assert.ok(answer.text.length < 80_000, `${answer.text.length} bytes of answer`);
  });

const times = (n, write) => Array.from({ length: n }, (_, at) => write(at)).join(" ");

refused("1,000 aliases", `{ ${times(1000, (n) => `a${n}: hello`)} }`, "COST_LIMIT_EXCEEDED");
refused("1,000 aliases in a mutation", `mutation { ${times(1000, (n) => `a${n}: count`)} }`, "COST_LIMIT_EXCEEDED");
refused("500 directives", `{ hello ${"@include(if: true) ".repeat(500)} }`, "COST_LIMIT_EXCEEDED");
refused("500 unknown directives", `{ ${times(500, (n) => `hello @d${n}`)} }`, "COST_LIMIT_EXCEEDED");
refused("a repeated directive", "{ hello @include(if: true) @include(if: true) }", "GRAPHQL_VALIDATION_FAILED");
refused("an unknown directive", "{ hello @fast }", "GRAPHQL_VALIDATION_FAILED");
refused("20 levels of fields", `{ level { ${"deeper { ".repeat(20)} leaf ${"} ".repeat(21)} }`, "DEPTH_LIMIT_EXCEEDED");
refused("30,000 levels of selections", "{ a ".repeat(30_000), "DEPTH_LIMIT_EXCEEDED");
refused("30,000 levels of lists", `{ a(b: ${"[".repeat(30_000)}`, "DEPTH_LIMIT_EXCEEDED");
refused("10,000 levels of objects", `{ a(b: ${"{c: ".repeat(10_000)}`, "DEPTH_LIMIT_EXCEEDED");
refused("levels behind a block string that is not closed", `{ a(b: ["""" ${"{c: ".repeat(10_000)}`, "GRAPHQL_PARSE_FAILED");
refused("100,000 escaped block quotes", `{ a(b: ${'\\"""'.repeat(100_000)}`, "GRAPHQL_PARSE_FAILED");
refused("10,000 levels of a type", `query($a: ${"[".repeat(10_000)}Int${"]".repeat(10_000)}) { hello }`, "DEPTH_LIMIT_EXCEEDED");
refused("a document of 900 KB", `{ ${"hello ".repeat(150_000)} }`, "COST_LIMIT_EXCEEDED");
refused("9,000 unknown fields", `{ ${times(9_000, (n) => `x${n}`)} }`, "COST_LIMIT_EXCEEDED");
refused("2,000 wrong fields below", `{ level { ${times(2_000, (n) => `unknown_field_with_a_name_that_is_long_${n}`)} } }`, "GRAPHQL_VALIDATION_FAILED");
refused("fragments in a circle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED");
refused("a fragment in itself", "{ level { ...A } } fragment A on Level { deeper { ...A } }", "GRAPHQL_VALIDATION_FAILED");
refused("a circle that nobody uses", "{ hello } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED");
refused("fragments that double", `{ ...F0 } ${times(40, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F40 on Query { hello }`, "COST_LIMIT_EXCEEDED");
refused("introspection that multiplies", `{ __schema { types { ${"fields { type { ".repeat(6)} name ${"} }".repeat(6)} } } }`, "DEPTH_LIMIT_EXCEEDED");
refused("a list of 5,000", "query($a: [Int]) { hello }", "COST_LIMIT_EXCEEDED", { variables: { a: Array(5_000).fill(1) } });
refused("a subscription by POST", "subscription { ticks }", "BAD_USER_INPUT");
refused("an unknown operation", "query A { hello }", "BAD_USER_INPUT", { operationName: "B" });
refused("a variable of the wrong kind", "query($n: Int) { workshops(first: $n) { title } }", "BAD_USER_INPUT", { variables: { n: "x" } });

for (const [name, body] of [
  ["an array of operations", `[${mutation},${mutation}]`],
  ["an array of one", `[${mutation}]`],
  ["JSON that is cut off", '{"query":"{ hello }"'],
  ["JSON of 100,000 levels", `{"query":"{ hello }","variables":${'{"a":'.repeat(100_000)}`],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0xfe])],
]) {
  attack(name, async () => {
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.equal(response.status, 400);
    assert.equal((await response.json()).errors[0].extensions.code, "BAD_USER_INPUT");
  });
}

attack("a bad token", async () => {
  for (const accept of ["application/json", "application/graphql-response+json"]) {
    for (const authorization of ["Bearer bad", "Basic Z29vZA==", "good", "Bearer"]) {
      const { status, headers, code } = await post({ query: "mutation { count }" }, { authorization, accept });
      assert.deepEqual([status, code], [401, "UNAUTHENTICATED"]);
      assert.match(headers.get("www-authenticate"), /^Bearer/);
    }
  }
});

attack("idempotency keys that are none", async () => {
  for (const [key, query] of [["", "mutation { count }"], ["x".repeat(256), "mutation { count }"], ["k", "mutation { a: count b: count }"], ["k", "{ hello }"], ["k", "mutation { ...F } fragment F on Mutation { count key }"]]) {
    assert.equal((await post({ query }, { "idempotency-key": key })).code, "BAD_USER_INPUT");
  }
});

attack("a purpose that is none", async () => {
  const { status, code } = await post({ query: "{ hello }" }, { "x-purpose-of-use": "CURIOSITY" });
  assert.deepEqual([status, code], [400, "BAD_USER_INPUT"]);
});

attack("media types that are not ours", async () => {
  assert.equal((await post({ query: "{ hello }" }, { accept: "text/plain" })).status, 406);
  assert.equal((await post({ query: "{ hello }" }, { accept: "application/json;q=0" })).status, 406);
  assert.equal((await fetch(url, { method: "PUT" })).status, 405);
});

attack("a fault of ours tells nothing of the inside", async () => {
  const { status, text, code } = await post({ query: "{ broken }" });
  assert.deepEqual([status, code], [200, "INTERNAL"]);
  assert.ok(!text.includes("secret"));
});

attack("what takes too long", async () => {
  const { status, code } = await post({ query: "{ slow(milliseconds: 60000) }" });
  assert.deepEqual([status, code], [504, "TIMEOUT"]);
}, 5000);

attack("a file of another folder", async () => {
  for (const path of ["/graphql/assets/..%2f..%2fCargo.toml", "/graphql/assets/README.md", "/graphql/assets/index.html", "/graphql/assets/%2e%2e%2f%2e%2e%2fsrc%2flib.rs"]) {
    assert.match(await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`), /^HTTP\/1.1 404/);
  }
});

check("answers have their headers", async () => {
  const sent = await post({ query: "mutation { key }" }, { "x-request-id": "mine-1", "idempotency-key": "k 1" });
  assert.equal(sent.headers.get("x-request-id"), "mine-1");
  assert.equal(sent.headers.get("idempotency-replayed"), "true");
  assert.equal(sent.json.data.key, "k 1");
  assert.equal(sent.headers.get("cache-control"), "no-store");
  assert.equal(sent.headers.get("x-content-type-options"), "nosniff");
  assert.match(sent.headers.get("ratelimit"), /^"default";r=\d+;t=\d+$/);
  assert.match(sent.headers.get("ratelimit-policy"), /^"default";q=\d+;w=\d+$/);
  assert.match((await post({ query: "{ hello }" }, { "x-request-id": "<b>" })).headers.get("x-request-id"), /^[0-9a-f]{32}$/);
});

check("a mutation goes on when its caller hangs up", async () => {
  const before = await count();
  const gone = new AbortController();
  const asked = fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query: "mutation { count(milliseconds: 300) }" }), signal: gone.signal });
  setTimeout(() => gone.abort(), 100);
  await assert.rejects(asked);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(await count(), before + 1);
});

check("events: a subscription, a query, an error", async () => {
  const stream = (query, headers = {}) => post({ query }, { accept: "text/event-stream", ...headers }, `${url}/stream`);
  const ticks = await stream("subscription { ticks(to: 2) }");
  assert.match(ticks.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(ticks.text.replace(/^:\n\n/gm, ""), 'event: next\ndata: {"data":{"ticks":1},"extensions":{"cost":1}}\n\nevent: next\ndata: {"data":{"ticks":2},"extensions":{"cost":1}}\n\nevent: complete\ndata:\n\n');
  assert.match((await stream("{ hello }")).text, /event: next\ndata: \{"data":\{"hello":"Hello, world!"\},"extensions":\{"cost":1\}\}\n\nevent: complete\n/);
  assert.match((await stream("{ nothing }")).text, /event: next\ndata: \{"errors":.*GRAPHQL_VALIDATION_FAILED.*\n\nevent: complete\n/);
  assert.equal((await stream("{ hello }", { authorization: "Bearer bad" })).status, 401);
  assert.equal((await stream("{ hello }", { accept: "application/json" })).status, 406);
  assert.equal((await stream("{ hello }", { "content-type": "text/plain" })).status, 415);
});

check("the page is served to browsers, and everything it names", async () => {
  const page = await fetch(url, { headers: { accept: "text/html,*/*;q=0.8" } });
  assert.match(page.headers.get("content-security-policy"), /script-src 'self';/);
  const text = await page.text();
  const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) => found[1]);
  assert.ok(files.length >= 6);
  for (const file of files) {
    const response = await fetch(new URL(file, url));
    assert.equal(response.status, 200, file);
    const tag = response.headers.get("etag");
    if (tag) assert.equal((await fetch(new URL(file, url), { headers: { "if-none-match": tag } })).status, 304);
  }
  assert.ok(!/https?:/.test(text));
});

await finish();
