// Starts GraphiQL on this server: queries and mutations by POST to /graphql, subscriptions as events from /graphql/stream.
"use strict";

const welcome = `# aftercare
#
# What is public needs no token: try it with the button above.
# For the rest, put a token under "Headers" below:
#   { "Authorization": "Bearer …" }
# "aftercare token --role coordinator --organization …" prints one for trying things out.

{
  __typename
}
`;

// Whether the chosen operation is a subscription, as GraphiQL parsed it.
function subscribes(document, operationName) {
  const operations = (document?.definitions ?? []).filter((one) => one.kind === "OperationDefinition");
  const chosen = operationName ? operations.find((one) => one.name?.value === operationName) : operations[0];
  return chosen?.operation === "subscription";
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const lines = block.split("\n");
        if (lines.includes("event: complete")) return;
        const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function fetcher(parameters, options) {
  const streams = subscribes(options?.documentAST, parameters.operationName);
  const response = await fetch(streams ? "/graphql/stream" : "/graphql", {
    method: "POST",
    headers: {
      accept: streams ? "text/event-stream" : "application/graphql-response+json",
      "content-type": "application/json",
      ...options?.headers,
    },
    body: JSON.stringify(parameters),
    credentials: "omit",
  });
  return streams && response.ok ? events(response) : response.json();
}

// Tokens are not kept when the page is closed: computers in clinics are shared.
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(React.createElement(GraphiQL, { fetcher, defaultQuery: welcome, defaultEditorToolsVisibility: "headers", shouldPersistHeaders: false }));
