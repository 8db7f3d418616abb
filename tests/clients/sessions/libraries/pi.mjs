// What Pi reads of a session.

import { SessionManager } from "@mariozechner/pi-coding-agent";

export function read(file) {
  const session = SessionManager.open(file);
  const found = { id: session.getSessionId(), texts: [], calls: 0, results: 0 };
  for (const { role, content } of session.buildSessionContext().messages) {
    if (role === "toolResult") found.results += 1;
    if (role !== "user" && role !== "assistant") continue;
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
    for (const block of blocks) {
      if (block.type === "text") found.texts.push(block.text);
      if (block.type === "toolCall") found.calls += 1;
    }
  }
  return found;
}
