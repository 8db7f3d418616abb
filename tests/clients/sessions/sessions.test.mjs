// Sessions that `jay session resume` wrote are read by the clients themselves, offline.
//
// Every fixture below `fixtures/sessions/` that is no database is archived, written for each client here into a home of its
// own, and read there by that client. What it reads must be what the archive holds. Run with the binary's path in JAY_BIN.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { READERS } from "./readers.mjs";

const START_MS = 120_000;
const OUTPUT_MAX_BYTES = 64 << 20;
const FIXTURES = resolve(import.meta.dirname, "../../../fixtures/sessions");
// Files of these lie where their adapter does not look by itself, or are databases that only its own tests make.
const LEFT_OUT = new Set(["sample", "crush", "cursor-ide", "devin", "goose", "hermes", "zed"]);

const binary = resolve(process.env.JAY_BIN ?? "");
const run = promisify(execFile);

/** A home with an archive; `jay` runs there and its answer is JSON. */
class Home {
  constructor(path) {
    this.path = path;
    this.environment = { HOME: path, JAY_HOME: join(path, "store"), PATH: process.env.PATH ?? "", LANG: "C.UTF-8" };
  }

  static async make() {
    // Codex makes nothing below the directory for temporary files, so homes stand in the cache.
    const base = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? tmpdir(), ".cache");
    await mkdir(base, { recursive: true });
    return new Home(await mkdtemp(join(base, "jay-sessions-")));
  }

  async jay(...words) {
    const options = { cwd: this.path, env: this.environment, maxBuffer: OUTPUT_MAX_BYTES };
    return JSON.parse((await run(binary, [...words, "--json"], options)).stdout);
  }

  async pages(list, ...words) {
    const found = [];
    for (let next; ; ) {
      const page = await this.jay(...words, ...(next ? ["--cursor", next] : []));
      found.push(...page[list]);
      next = page.next;
      if (!next) return found;
    }
  }

  async remove() {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the messages of a session say, as the archive holds it. */
function said(messages) {
  const found = { isAsked: false, texts: [], calls: 0, results: 0 };
  for (const { role, parts } of messages) {
    for (const part of parts) {
      const isSaid = part.type === "text" && part.provenance !== "injected" && part.text.trim() !== "";
      if (isSaid && (role === "user" || role === "assistant")) found.texts.push(part.text);
      if (part.type === "tool_call") found.calls += 1;
      if (part.type === "tool_result") found.results += 1;
      // What nobody asked for is no session that a client offers.
      found.isAsked ||= isSaid && role === "user";
    }
  }
  return found;
}

/** The session of each client that has the most messages. */
function longest(sources) {
  const byClient = new Map();
  for (const source of sources) {
    if (!((byClient.get(source.client)?.messages ?? -1) >= source.messages)) byClient.set(source.client, source);
  }
  return [...byClient.values()];
}

describe("clients read what was written for them", { concurrency: 1 }, () => {
  let archive;
  const sources = [];

  before(
    async () => {
      archive = await Home.make();
      for (const client of (await readdir(FIXTURES)).sort()) {
        if (client.startsWith(".") || LEFT_OUT.has(client)) continue;
        for (const version of await readdir(join(FIXTURES, client))) {
          const copy = join(archive.path, "fixtures", client, version);
          await cp(join(FIXTURES, client, version), copy, { recursive: true });
          await archive.jay("session", "sync", client, "--path", copy);
        }
      }
      const sessions = await archive.pages("sessions", "session", "list", "--limit", "200");
      const ids = sessions.map(({ session }) => session);
      for (const session of sessions) {
        // A subagent goes with its parent.
        if (session.parent && session.agent) continue;
        // Two clients may have sessions of the same id, which then name none.
        if (ids.filter((id) => id === session.session).length > 1) continue;
        const messages = await archive.pages("messages", "session", "show", session.session, "--limit", "500");
        const held = said(messages);
        if (held.isAsked) sources.push({ ...session, held });
      }
      assert.ok(sources.length >= 20, `only ${sources.length} sessions are archived`);
    },
    { timeout: START_MS },
  );

  after(() => archive?.remove());

  for (const reader of READERS) {
    test(reader.client, { timeout: reader.deadlineMs }, async () => {
      const faults = [];
      const wanted = reader.isSlow ? longest(sources) : sources;
      for (const source of wanted.filter(({ session }) => !reader.unread.includes(session))) {
        const home = await Home.make();
        const about = `${source.client} ${source.session}`;
        try {
          const project = join(home.path, "lantern");
          await mkdir(project);
          const environment = { ...archive.environment, HOME: home.path };
          const words = ["session", "resume", source.session, "--to", reader.client, "--project", project, "--json"];
          const answer = JSON.parse((await run(binary, words, { cwd: home.path, env: environment })).stdout);
          // Its own rows say where they were written, which is no directory of this machine.
          const isNative = answer.written_as === "native";
          const found = await reader.read({ answer, environment, project, isNative });
          assert.equal(found.id, answer.id, "its id");
          if (!isNative) reader.compare(source.held, found, answer.left_out ?? {});
        } catch (error) {
          faults.push(`${about}: ${error.message}`);
        } finally {
          await home.remove();
        }
      }
      assert.deepEqual(faults, [], `${reader.client} reads ${faults.length} of ${wanted.length} sessions wrong`);
    });
  }
});
