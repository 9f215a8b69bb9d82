// Every audit of graphql-http against a running server: node audit.mjs http://127.0.0.1:8080/graphql
import { serverAudits } from "graphql-http";

const url = process.argv[2];
if (!url) throw new Error("give the address of /graphql");

const results = await Promise.all(serverAudits({ url }).map((audit) => audit.fn()));
const failed = results.filter((result) => result.status !== "ok");
for (const result of failed) console.error(`${result.status}: ${result.id} ${result.name}: ${result.reason}`);
console.log(`${results.length - failed.length} of ${results.length} audits pass`);
process.exit(failed.length === 0 ? 0 : 1);
