// What Claude's agent SDK reads of a session: `node claude.mjs SESSION`.

import { getSessionInfo, getSessionMessages, listSubagents } from "@anthropic-ai/claude-agent-sdk";

const [session] = process.argv.slice(2);
const info = await getSessionInfo(session);
const found = { id: info?.sessionId, texts: [], calls: 0, results: 0, subagents: (await listSubagents(session)).length };
for (const { message } of await getSessionMessages(session)) {
  const content = message?.content ?? [];
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  for (const block of blocks) {
    if (block.type === "text") found.texts.push(block.text);
    if (block.type === "tool_use") found.calls += 1;
    if (block.type === "tool_result") found.results += 1;
  }
}
console.log(JSON.stringify(found));
