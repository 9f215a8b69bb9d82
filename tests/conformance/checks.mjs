// A list of checks that are run one after the other; each has a name and throws when it fails.
import assert from "node:assert/strict";

const checks = [];

export const check = (name, run) => checks.push({ name, run });

export async function finish(most = 20_000) {
  let failed = 0;
  for (const { name, run } of checks) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("took too long")), most)));
    try {
      await Promise.race([run(), late]);
    } catch (error) {
      failed += 1;
      console.error(`failed: ${name}: ${error.message}`);
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${checks.length - failed} of ${checks.length} checks pass`);
  process.exit(failed === 0 ? 0 : 1);
}

export const url = process.argv[2];
assert.ok(url, "give the address of /graphql");

// A POST of JSON; gives status, headers and the parsed answer.
export async function post(body, headers = {}, path = url) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json, code: json?.errors?.[0]?.extensions?.code };
}

// The counter of the example, which only its mutation changes.
export const count = async () => (await post({ query: "{ count }" })).json.data.count;
