// graphql-transport-ws against the example server: every close code with a bare socket, and the graphql-ws client.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { check, count, finish, url } from "./checks.mjs";

const address = url.replace(/^http/, "ws");
const PROTOCOL = "graphql-transport-ws";

// A bare socket: what it received, and how it was closed.
function open(protocol = PROTOCOL) {
  const socket = protocol ? new WebSocket(address, protocol) : new WebSocket(address);
  const messages = [];
  const waiting = [];
  let pings = 0;
  socket.on("ping", () => (pings += 1));
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "ping") return socket.send(JSON.stringify({ type: "pong" })), messages.push(message);
    const waiter = waiting.shift();
    if (waiter) waiter(message);
    else messages.push(message);
  });
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })));
  const ready = new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return {
    socket,
    closed,
    ready,
    pings: () => ({ frames: pings, messages: messages.filter((one) => one.type === "ping").length }),
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    next: () => {
      const at = messages.findIndex((one) => one.type !== "ping");
      return at >= 0 ? Promise.resolve(messages.splice(at, 1)[0]) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

async function greeted(payload) {
  const one = open();
  await one.ready;
  one.send({ type: "connection_init", payload });
  assert.deepEqual(await one.next(), { type: "connection_ack" });
  return one;
}

const closes = (name, code, run, protocol) =>
  check(`${name} closes with ${code}`, async () => {
    const one = open(protocol);
    await one.ready;
    await run(one);
    assert.equal((await one.closed).code, code);
  });

const init = { type: "connection_init" };
const subscribe = (id, query, extra = {}) => ({ id, type: "subscribe", payload: { query, ...extra } });

closes("no subprotocol", 4406, () => {}, null);
closes("another subprotocol", 4406, () => {}, "graphql-ws");
closes("no JSON", 4400, (one) => one.send("hello"));
closes("an unknown type", 4400, (one) => one.send({ type: "start" }));
closes("an array", 4400, (one) => one.send([]));
closes("a binary message", 4400, (one) => one.socket.send(Buffer.from("{}")));
closes("deep JSON", 4400, (one) => one.send("[".repeat(100_000)));
closes("subscribe without init", 4401, (one) => one.send(subscribe("1", "{ hello }")));
closes("a bad token", 4403, (one) => one.send({ ...init, payload: { Authorization: "Bearer bad" } }));
closes("another scheme", 4403, (one) => one.send({ ...init, payload: { authorization: "Basic abc" } }));
closes("an unknown purpose", 4400, (one) => one.send({ ...init, payload: { purposeOfUse: "CURIOSITY" } }));
closes("no init in time", 4408, () => {});
closes("a second init", 4429, (one) => (one.send(init), one.send(init)));
closes("two operations with one id", 4409, (one) => {
  one.send(init);
  one.send(subscribe("1", "subscription { ticks }"));
  one.send(subscribe("1", "subscription { ticks }"));
});
closes("subscribe without an id", 4400, (one) => (one.send(init), one.send({ type: "subscribe", payload: { query: "{ hello }" } })));
closes("a query that is no string", 4400, (one) => (one.send(init), one.send(subscribe("1", 1))));
closes("a message of 2 MB", 1009, (one) => one.send("x".repeat(2_000_000)));

check("a token is known whatever the case of its key", async () => {
  for (const key of ["authorization", "Authorization", "AUTHORIZATION"]) {
    const one = await greeted({ [key]: "Bearer good", purposeOfUse: "TREATMENT" });
    one.send(subscribe("1", "{ caller }"));
    assert.match((await one.next()).payload.data.caller, /System/);
    assert.deepEqual(await one.next(), { type: "complete", id: "1" });
    one.socket.close();
  }
});

check("ping is answered with its payload", async () => {
  const one = open();
  await one.ready;
  one.send({ type: "ping", payload: { a: 1 } });
  assert.deepEqual(await one.next(), { type: "pong", payload: { a: 1 } });
  one.send({ type: "ping" });
  assert.deepEqual(await one.next(), { type: "pong" });
  one.send({ type: "pong", payload: { a: 1 } });
  one.socket.close();
});

check("parse, validation and limits are errors, not next", async () => {
  const one = await greeted();
  const cases = [
    ["{", "GRAPHQL_PARSE_FAILED"],
    ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
    [`{ ${"level { deeper { ".repeat(20)} leaf ${"} }".repeat(20)} }`, "DEPTH_LIMIT_EXCEEDED"],
    ["query($a: Int!) { workshops(first: $a) { title } }", "BAD_USER_INPUT"],
  ];
  for (const [query, code] of cases) {
    one.send(subscribe("1", query));
    const { type, id, payload } = await one.next();
    assert.deepEqual([type, id, payload[0].extensions.code], ["error", "1", code]);
  }
  one.socket.close();
});

check("complete stops a stream and frees its id", async () => {
  const one = await greeted();
  one.send(subscribe("1", "subscription { ticks(everyMilliseconds: 1) }"));
  assert.equal((await one.next()).payload.data.ticks, 1);
  one.send({ type: "complete", id: "1" });
  one.send(subscribe("1", "subscription { ticks(to: 2) }"));
  let message;
  const ticks = [];
  while ((message = await one.next()).type === "next") ticks.push(message.payload.data.ticks);
  assert.deepEqual(ticks.slice(-2), [1, 2]);
  assert.deepEqual(message, { type: "complete", id: "1" });
  one.socket.close();
});

check("operations run side by side", async () => {
  const one = await greeted();
  one.send(subscribe("slow", "{ slow(milliseconds: 500) }"));
  one.send(subscribe("quick", "{ hello }"));
  assert.equal((await one.next()).id, "quick");
  one.socket.close();
});

check("a mutation goes on when its client is gone", async () => {
  const before = await count();
  const one = await greeted();
  one.send(subscribe("1", "mutation { count(milliseconds: 300) }"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  one.socket.terminate();
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(await count(), before + 1);
});

check("an idempotency key goes with a mutation, and with nothing else", async () => {
  const one = await greeted();
  one.send(subscribe("1", "mutation { key }", { extensions: { idempotencyKey: "k-1" } }));
  assert.equal((await one.next()).payload.data.key, "k-1");
  await one.next();
  one.send(subscribe("2", "mutation { key count }", { extensions: { idempotencyKey: "k-1" } }));
  assert.equal((await one.next()).payload[0].extensions.code, "BAD_USER_INPUT");
  one.socket.close();
});

check("what takes too long is a TIMEOUT", async () => {
  const one = await greeted();
  one.send(subscribe("1", "{ slow(milliseconds: 60000) }"));
  assert.equal((await one.next()).payload[0].extensions.code, "TIMEOUT");
  one.socket.close();
});

check("too many operations at once are refused, and the connection stays", async () => {
  const one = await greeted();
  for (let n = 0; n <= 100; n += 1) one.send(subscribe(`s${n}`, "{ slow(milliseconds: 1500) }"));
  const first = await one.next();
  assert.deepEqual([first.type, first.id, first.payload[0].extensions.code], ["error", "s100", "COST_LIMIT_EXCEEDED"]);
  assert.equal((await one.next()).type, "next");
  one.socket.close();
});

check("keep-alive pings come, as frames and as messages", async () => {
  const one = await greeted();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const { frames, messages } = one.pings();
  assert.ok(frames >= 2 && messages >= 2, `${frames} frames, ${messages} messages`);
  one.socket.close();
});

// The client as pages use it.
const client = (options = {}) => createClient({ url: address, webSocketImpl: WebSocket, retryAttempts: 0, ...options });

check("the graphql-ws client: query, mutation, subscription, errors", async () => {
  const one = client({ connectionParams: { authorization: "Bearer good" } });
  const all = async (payload) => {
    const answers = [];
    for await (const answer of one.iterate(payload)) answers.push(answer);
    return answers;
  };
  assert.deepEqual(await all({ query: "{ hello }" }), [{ data: { hello: "Hello, world!" }, extensions: { cost: 1 } }]);
  const before = await count();
  assert.deepEqual(await all({ query: "mutation { count }" }), [{ data: { count: before + 1 }, extensions: { cost: 1 } }]);
  const ticks = await all({ query: "subscription T($to: Int) { ticks(to: $to) }", variables: { to: 3 }, operationName: "T" });
  assert.deepEqual(ticks.map((answer) => answer.data.ticks), [1, 2, 3]);
  await assert.rejects(all({ query: "{ nothing }" }), (errors) => errors[0].extensions.code === "GRAPHQL_VALIDATION_FAILED");
  const [answer] = await all({ query: "{ broken hello }" });
  assert.equal(answer.errors[0].extensions.code, "INTERNAL");
  await one.dispose();
});

check("the graphql-ws client: returning early completes", async () => {
  const one = client({ lazy: true });
  for await (const answer of one.iterate({ query: "subscription { ticks }" })) {
    if (answer.data.ticks === 3) break;
  }
  await one.dispose();
});

check("the graphql-ws client: a bad token is 4403", async () => {
  const one = client({ connectionParams: { authorization: "Bearer bad" } });
  const closed = new Promise((resolve) => one.on("closed", resolve));
  one.subscribe({ query: "{ hello }" }, { next() {}, error() {}, complete() {} });
  assert.equal((await closed).code, 4403);
});

await finish();
