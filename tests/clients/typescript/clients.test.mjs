// Drives `jay` with the official TypeScript SDK, over stdio and streamable HTTP.
//
// Run with the binary's path in JAY_BIN. Every test has a home of its own and a deadline.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { before, describe, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const DEADLINE_MS = 60_000;
const START_MS = 20_000;
const TOOLS_MAX = 6;
const TOOLS_EXPECTED = ["remember", "recall", "get"];
const MEMORY = "Staging Postgres listens on 5433, not 5432";
const QUESTION = "which port does staging postgres use";

const binary = resolve(process.env.JAY_BIN ?? "");

const environment = (home) => ({ JAY_HOME: home, HOME: home, PATH: process.env.PATH ?? "", LANG: "C.UTF-8" });

/** Everything that a model would read of a tool's result. */
const words = (result) => {
  const text = result.content.filter((part) => part.type === "text").map((part) => part.text);
  return [...text, JSON.stringify(result.structuredContent ?? {})].join("\n");
};

async function withHome(use) {
  const home = await mkdtemp(join(tmpdir(), "jay-clients-"));
  try {
    return await use(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Starts `jay serve` and calls `use` with its address and token. */
async function withServer(home, use) {
  const child = spawn(binary, ["serve", "--addr", "127.0.0.1:0"], {
    cwd: home,
    env: environment(home),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  const said = [];
  const address = new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`jay serve said nothing in time:\n${said.join("\n")}`)), START_MS);
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const match = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line);
      if (match) {
        clearTimeout(timer);
        found(match[1]);
      }
    });
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(timer);
      failed(new Error(`jay serve ended with ${code}:\n${said.join("\n")}`));
    });
  });
  try {
    const at = await address;
    const token = (await readFile(join(home, "state", "token"), "utf8")).trim();
    return await use(at, token);
  } finally {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    const [, signal] = await ended;
    clearTimeout(timer);
    assert.notEqual(signal, "SIGKILL", "jay serve did not end when asked to");
  }
}

async function withClient(transport, use) {
  const client = new Client({ name: "jay-clients", version: "1.0.0" });
  await client.connect(transport);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const transports = {
  stdio: (use) =>
    withHome((home) => {
      const options = { command: binary, args: ["mcp"], env: environment(home), cwd: home, stderr: "ignore" };
      return withClient(new StdioClientTransport(options), use);
    }),
  http: (use) =>
    withHome((home) =>
      withServer(home, (address, token) => {
        const requestInit = { headers: { Authorization: `Bearer ${token}` } };
        return withClient(new StreamableHTTPClientTransport(new URL(`${address}/mcp`), { requestInit }), use);
      }),
    ),
};

before(async () => {
  await access(binary, constants.X_OK).catch(() => {
    throw new Error("JAY_BIN does not name the binary: cargo build --release, JAY_BIN=target/release/jay");
  });
});

for (const [name, connected] of Object.entries(transports)) {
  describe(`over ${name}`, () => {
    test("tools are few and described", { timeout: DEADLINE_MS }, () =>
      connected(async (client) => {
        const { tools } = await client.listTools();
        const names = tools.map((tool) => tool.name);
        for (const expected of TOOLS_EXPECTED) {
          assert.ok(names.includes(expected), `${expected} is not among ${names}`);
        }
        assert.ok(tools.length <= TOOLS_MAX, `${names}`);
        for (const tool of tools) {
          assert.ok(tool.description, tool.name);
          assert.equal(tool.inputSchema.type, "object", tool.name);
        }
        assert.equal(tools.find((tool) => tool.name === "recall").annotations?.readOnlyHint, true);
        assert.ok(client.getInstructions(), "the server says when to recall and when to remember");
      }),
    );

    test("what is remembered is recalled", { timeout: DEADLINE_MS }, () =>
      connected(async (client) => {
        const stored = await client.callTool({
          name: "remember",
          arguments: { text: MEMORY, kind: "gotcha", tags: ["db"] },
        });
        assert.ok(!stored.isError, words(stored));
        assert.equal(stored.structuredContent.outcome, "created");
        const found = await client.callTool({ name: "recall", arguments: { query: QUESTION } });
        assert.ok(!found.isError, words(found));
        assert.match(words(found), /5433/);
        // What was stored is sent as fenced lines of text alone: clients show their model either text or structure.
        const hits = words(found).split("\n").filter((line) => line.startsWith("- ["));
        assert.equal(hits.length, 1, words(found));
        assert.ok(hits[0].startsWith(`- [${stored.structuredContent.id.slice(-8)}] `), hits[0]);
        const whole = await client.callTool({ name: "get", arguments: { ids: [stored.structuredContent.id] } });
        assert.ok(!whole.isError && words(whole).includes(MEMORY), words(whole));
      }),
    );

    test("bad input is an error that stores nothing", { timeout: DEADLINE_MS }, () =>
      connected(async (client) => {
        const refused = [
          ["remember", {}],
          ["remember", { text: "" }],
          ["remember", { text: "quinquereme ".repeat(10_000) }],
          ["remember", { text: "quinquereme", kind: "no-such-kind" }],
          ["remember", { text: "quinquereme", expires_at: "no time" }],
          ["remember", { text: "quinquereme", importance: 7 }],
          ["get", { ids: ["ffffff00"] }],
        ];
        for (const [tool, input] of refused) {
          // A protocol error would throw here, and hide the words from the model.
          const result = await client.callTool({ name: tool, arguments: input });
          assert.equal(result.isError, true, `${tool} took ${Object.keys(input)}`);
          assert.ok(words(result).trim().length > 10, "an error without words");
        }
        const found = await client.callTool({ name: "recall", arguments: { query: "quinquereme" } });
        assert.ok(!found.isError, words(found));
        assert.match(words(found), /No memories fit\./);
      }),
    );
  });
}

test("http wants the token", { timeout: DEADLINE_MS }, () =>
  withHome((home) =>
    withServer(home, async (address) => {
      const requestInit = { headers: { Authorization: "Bearer wrong" } };
      const transport = new StreamableHTTPClientTransport(new URL(`${address}/mcp`), { requestInit });
      await assert.rejects(withClient(transport, () => undefined), (error) => error.code === 401);
    }),
  ),
);
