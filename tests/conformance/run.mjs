// Starts the example server, runs all three sets of checks, then asks it to go down: node run.mjs ../../target/debug/examples/doors
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const server = spawn(process.argv[2], { stdio: ["ignore", "pipe", "inherit"] });
const [url] = await once(createInterface({ input: server.stdout }), "line");

const failed = ["audit.mjs", "attacks.mjs", "websocket.mjs"].filter((script) => {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawnSync(process.execPath, [path, url], { stdio: "inherit" }).status !== 0;
});

server.kill("SIGINT");
const [code] = await once(server, "exit");
if (code !== 0) failed.push("going down");
if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
