// How each client reads its sessions without a network: by its library, its server, or a command of its own.
//
// A reader gives the id under which the client knows the session, and what the client reads in it. `unread` are sessions
// of the client's own whose rows are of a version that this release of it does not read. One that is slow to start reads
// the longest session of each client.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const ANSWER_MS = 60_000;
const OUTPUT_MAX_BYTES = 64 << 20;
const HERE = import.meta.dirname;
const run = promisify(execFile);

const program = (name) => join(HERE, "node_modules", ".bin", name);
const options = (environment, cwd) => ({ cwd, env: environment, maxBuffer: OUTPUT_MAX_BYTES, timeout: ANSWER_MS });

const sorted = (texts) => texts.map((text) => text.trim()).sort();

/** Texts, calls and answers, one for one; an answer to no call has no place in some clients, and is told as left out. */
function compareAll(held, found, leftOut) {
  assert.deepEqual(sorted(found.texts), sorted(held.texts), "texts");
  assert.equal(found.calls, held.calls, "calls");
  assert.equal(found.results, held.results - (leftOut.results ?? 0), "results");
}

/** Asks Codex's own server, which reads its rollouts. */
async function codexServer(environment, cwd, ask) {
  const child = spawn(program("codex"), ["app-server"], { cwd, env: environment, stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const waiting = new Map();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    const answer = waiting.get(message.id);
    if (message.error) answer?.failed(new Error(message.error.message));
    else answer?.found(message.result);
  });
  const send = (message) => child.stdin.write(`${JSON.stringify(message)}\n`);
  const request = (method, params) => {
    const id = waiting.size + 1;
    const answer = new Promise((found, failed) => waiting.set(id, { found, failed }));
    send({ id, method, params });
    const late = ended.then(() => Promise.reject(new Error(`codex ended before it answered ${method}`)));
    return Promise.race([answer, late]);
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), ANSWER_MS);
  try {
    await request("initialize", { clientInfo: { name: "jay-test", title: "jay", version: "1" } });
    send({ method: "initialized" });
    return await ask(request);
  } finally {
    // It ends with its input.
    child.stdin.end();
    await ended;
    clearTimeout(timer);
  }
}

const claude = {
  client: "claude-code",
  deadlineMs: 300_000,
  unread: [],
  read: async ({ answer, environment, project }) => {
    const words = [join(HERE, "libraries", "claude.mjs"), answer.id];
    return JSON.parse((await run(process.execPath, words, options(environment, project))).stdout);
  },
  compare: compareAll,
};

const codex = {
  client: "codex",
  deadlineMs: 300_000,
  unread: [],
  read: ({ answer, environment, project }) =>
    codexServer(environment, project, async (request) => {
      const { data } = await request("thread/list", {});
      assert.ok(data.some(({ id }) => id === answer.id), `codex does not list ${answer.id}`);
      const { thread } = await request("thread/read", { threadId: answer.id, includeTurns: true });
      // Going on with it needs a model only from the next prompt on.
      await request("thread/resume", { threadId: answer.id });
      const items = thread.turns.flatMap((turn) => turn.items);
      const texts = items.flatMap((item) => {
        if (item.type === "agentMessage") return [item.text];
        if (item.type !== "userMessage") return [];
        return item.content.filter(({ type }) => type === "text").map(({ text }) => text);
      });
      return { id: thread.id, texts };
    }),
  // The server tells what was said; calls and answers it hands to the model alone.
  compare: (held, found) => assert.deepEqual(sorted(found.texts), sorted(held.texts), "texts"),
};

const opencode = {
  client: "opencode",
  deadlineMs: 600_000,
  isSlow: true,
  // Of the time before its database: it lacks the slug that the client now demands.
  unread: ["ses_7a00"],
  read: async ({ answer, environment, project }) => {
    const quiet = { ...environment, OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" };
    const binary = join(HERE, "node_modules", "opencode-linux-x64", "bin", "opencode");
    const opencode = (...words) => run(binary, words, options(quiet, project));
    // The parent comes first, which its subagents name.
    for (const file of answer.files) await opencode("import", file.path);
    const { info, messages } = JSON.parse((await opencode("export", answer.id)).stdout);
    const parts = messages.flatMap((message) => message.parts);
    const tools = parts.filter(({ type }) => type === "tool");
    const isDone = ({ state }) => state.status === "completed" || state.status === "error";
    const texts = parts.filter(({ type, synthetic }) => type === "text" && !synthetic).map(({ text }) => text);
    return { id: info.id, texts, calls: tools.length, results: tools.filter(isDone).length };
  },
  compare: compareAll,
};

const pi = {
  client: "pi",
  deadlineMs: 300_000,
  // Of the format that came after this release of it.
  unread: ["019d0000-0000-7aaa-8bbb-000000000004"],
  read: async ({ answer }) => (await import("./libraries/pi.mjs")).read(answer.files[0].path),
  compare: compareAll,
};

const gemini = {
  client: "gemini-cli",
  deadlineMs: 600_000,
  isSlow: true,
  unread: [],
  read: async ({ answer, environment, project, isNative }) => {
    // It lists the sessions of the directory in which it runs: what was replayed belongs to one of another machine.
    const marker = join(dirname(dirname(answer.files[0].path)), ".project_root");
    if (isNative) await writeFile(marker, project);
    const named = { ...environment, GEMINI_API_KEY: "none" };
    const { stdout, stderr } = await run(program("gemini"), ["--list-sessions"], options(named, project));
    return { id: `${stdout}${stderr}`.includes(`[${answer.id}]`) ? answer.id : `none of ${stdout}${stderr}` };
  },
  compare: () => {},
};

// Its package for another machine is not in the list that is installed here.
const hasOpencode = process.platform === "linux" && process.arch === "x64";

export const READERS = [claude, codex, ...(hasOpencode ? [opencode] : []), gemini, pi];
