//! What can be asked by SQL: the views, their columns, and how each is made of the stores' tables.
//!
//! **Invariant:** what a view shows is what the other doors show: nothing that was forgotten, purged or superseded by a copy,
//! names and texts masked. `{memory}` and `{archive}` stand for the schemas of the two databases.

/// A view.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// What a row of it is.
    pub about: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Its rows, by the database without which there are none.
    selects: &'static [(Part, &'static str)],
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// TEXT, INTEGER or REAL; any may be NULL, where it is not known.
    pub kind: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `memory.db`
    Memory,
    /// `archive.db`
    Archive,
}

const fn text(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: "TEXT", about }
}

const fn integer(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: "INTEGER", about }
}

const fn real(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: "REAL", about }
}

/// Every view, in the order in which they are shown.
pub static VIEWS: [View; 8] = [
    View {
        name: "sessions",
        about: "An archived session of a client",
        columns: &[
            text("client", "the client, e.g. claude-code"),
            text("session", "the client's own id"),
            text("parent", "the session that it was spawned or forked from"),
            text("relation", "how: subagent, fork, continuation"),
            text("agent", "the agent within the client"),
            text("title", "its title"),
            text("project", "the project directory"),
            text("namespace", "its namespace"),
            text("git_remote", "the remote that the client noted"),
            text("git_branch", "the branch that the client noted"),
            text("client_version", "the client's version"),
            text("host", "the machine on which it was last taken in"),
            text("started_at", "first time told"),
            text("ended_at", "last time told"),
            integer("messages", "messages in it"),
        ],
        selects: &[(Part::Archive, "SELECT s.client AS client, jay_name(s.session) AS session, jay_name(s.parent) AS parent, s.relation AS relation,
            jay_name(s.agent) AS agent, jay_name(s.title) AS title, jay_name(s.project) AS project, p.path AS namespace,
            jay_name(s.git_remote) AS git_remote, jay_name(s.git_branch) AS git_branch, s.client_version AS client_version,
            s.host AS host, {at s.started_at} AS started_at, {at s.ended_at} AS ended_at, s.messages AS messages
          FROM {archive}.sessions s {namespace s.namespace}")],
    },
    View {
        name: "messages",
        about: "A message of an archived session",
        columns: &[
            text("client", "the client"),
            text("session", "the client's own id of the session"),
            text("message", "the client's own id of the message"),
            integer("ordinal", "its row in the source"),
            text("role", "system, user, assistant, tool"),
            text("author", "the speaker's name"),
            text("model", "the model that answered"),
            text("at", "when it was said"),
            text("text", "what was said in the conversation, without tools and reasoning"),
            text("project", "the project directory of the session"),
            text("namespace", "the namespace of the session"),
        ],
        selects: &[(Part::Archive, "SELECT s.client AS client, jay_name(s.session) AS session, jay_message(m.pos, m.place) AS message, m.ordinal AS ordinal,
            jay_role(m.role) AS role, jay_name(m.author) AS author, jay_model(m.pos, m.place) AS model, {at m.at} AS at,
            jay_text(m.pos, m.place) AS text, jay_name(s.project) AS project, p.path AS namespace
          FROM {archive}.messages m JOIN {archive}.sessions s ON s.entity = m.entity {namespace s.namespace}
          WHERE m.superseded = 0")],
    },
    View {
        name: "parts",
        about: "A part of a message",
        columns: &[
            text("client", "the client"),
            text("session", "the client's own id of the session"),
            text("message", "the client's own id of the message"),
            integer("place", "its place in the message, from 0"),
            text("type", "text, reasoning, file, tool_call, tool_result"),
            text("text", "the words; of a tool's call its input as JSON, of a result what it put out"),
            text("tool", "the tool"),
            text("call", "the client's id of the call"),
            integer("is_error", "1 where the client says that the call failed"),
            text("at", "when it was said"),
        ],
        selects: &[(Part::Archive, "SELECT s.client AS client, jay_name(s.session) AS session, jay_message(m.pos, m.place) AS message, part.key AS place,
            part.value ->> 'type' AS type,
            coalesce(part.value ->> 'text', part.value ->> 'output', part.value ->> 'input', part.value ->> 'name') AS text,
            CASE WHEN part.value ->> 'type' IN ('tool_call', 'tool_result') THEN part.value ->> 'name' END AS tool,
            part.value ->> 'id' AS call,
            CASE part.value ->> 'type' WHEN 'tool_result' THEN coalesce(part.value ->> 'is_error', 0) END AS is_error,
            {at m.at} AS at
          FROM {archive}.messages m JOIN {archive}.sessions s ON s.entity = m.entity, json_each(jay_parts(m.pos, m.place)) part
          WHERE m.superseded = 0")],
    },
    View {
        name: "tool_calls",
        about: "A call of a tool with its answer",
        columns: &[
            text("client", "the client"),
            text("session", "the client's own id of the session"),
            text("message", "the message that called"),
            text("call", "the client's id of the call"),
            text("tool", "the tool"),
            text("input", "what it was asked, as JSON"),
            text("output", "what it answered; NULL where no answer is there"),
            integer("is_error", "1 where the client says that it failed; NULL without an answer"),
            text("at", "when it was called"),
            text("project", "the project directory of the session"),
        ],
        selects: &[(Part::Archive, "SELECT s.client AS client, jay_name(s.session) AS session, call.value ->> 'message' AS message,
            call.value ->> 'id' AS call, call.value ->> 'name' AS tool, call.value ->> 'input' AS input,
            call.value ->> 'output' AS output, call.value ->> 'is_error' AS is_error,
            {at (call.value ->> 'at')} AS at, jay_name(s.project) AS project
          FROM {archive}.sessions s, json_each(jay_calls(s.entity)) call")],
    },
    View {
        name: "usage",
        about: "A turn of a model's API, counted once, with what the client's file tells of its use",
        columns: &[
            text("client", "the client"),
            text("session", "the client's own id of the session"),
            text("turn", "the API's id of the turn, else the message's"),
            text("model", "the model that answered"),
            text("at", "when it began to answer"),
            integer("input_tokens", "tokens that went in, without those from the cache"),
            integer("output_tokens", "tokens that came out"),
            integer("cache_read_tokens", "tokens read from the API's cache"),
            integer("cache_write_tokens", "tokens written into it"),
            integer("reasoning_tokens", "tokens of reasoning; some clients count them in the output too"),
            real("cost_usd", "US dollars, where the client tells them"),
            text("project", "the project directory of the session"),
            text("namespace", "the namespace of the session"),
        ],
        // A forked session begins with copies of turns, under their ids or at their times: they were paid once, in the session that began first,
        // whose row SQLite takes where `min` is asked for. A window function would be resolved outside of the view.
        selects: &[(Part::Archive, "SELECT s.client AS client, jay_name(s.session) AS session, turn.value ->> 'turn' AS turn,
            turn.value ->> 'model' AS model, {at (turn.value ->> 'at')} AS at,
            turn.value ->> 'input' AS input_tokens, turn.value ->> 'output' AS output_tokens,
            turn.value ->> 'cache_read' AS cache_read_tokens, turn.value ->> 'cache_write' AS cache_write_tokens,
            turn.value ->> 'reasoning' AS reasoning_tokens, turn.value ->> 'cost' AS cost_usd,
            jay_name(s.project) AS project, p.path AS namespace,
            min(coalesce(s.started_at, 0)) AS first
          FROM {archive}.sessions s {namespace s.namespace}, json_each(jay_usage(s.entity)) turn
          GROUP BY s.client, turn.value ->> 'turn', turn.value ->> 'of'")],
    },
    View {
        name: "memories",
        about: "A memory that was not forgotten",
        columns: &[
            text("id", "its id"),
            text("namespace", "its namespace"),
            text("kind", "note, fact, decision, preference, …"),
            text("key", "the slot that it fills"),
            text("title", "its title"),
            text("text", "what it says"),
            text("tags", "its tags, as a JSON list"),
            real("importance", "0 to 1"),
            real("confidence", "0 to 1"),
            integer("is_pinned", "1 where it is pinned"),
            integer("is_current", "1 where nothing superseded it, it was not retired and its time is not over"),
            text("created_at", "when it came to be"),
            text("updated_at", "when it was last changed"),
            text("expires_at", "when its time is over"),
            text("session", "the session that it was said in"),
            text("path", "the file of a document"),
            integer("line", "the line of it at which the text begins, from 1"),
            integer("line_end", "the line at which it ends"),
            integer("version", "counts its changes"),
        ],
        selects: &[(Part::Memory, "SELECT jay_id(e.id) AS id, p.path AS namespace, jay_kind(m.kind) AS kind, m.key AS key,
            jay_wording(m.text_pos, 'title') AS title, jay_wording(m.text_pos, 'text') AS text,
            (SELECT json_group_array(t.tag) FROM {memory}.tags t WHERE t.entity = m.entity) AS tags,
            m.importance AS importance, m.confidence AS confidence, m.pinned AS is_pinned,
            m.hidden = 0 AND (m.expires_at IS NULL OR m.expires_at > {now}) AS is_current,
            {at m.created_at} AS created_at, {at m.updated_at} AS updated_at, {at m.expires_at} AS expires_at,
            jay_name(m.session) AS session, jay_name(d.path) AS path, d.line AS line, d.line_end AS line_end, m.version AS version
          FROM {memory}.memories m JOIN {memory}.entities e ON e.num = m.entity
          LEFT JOIN {memory}.places d ON d.entity = m.entity
          LEFT JOIN {memory}.namespace_state p ON p.namespace = m.namespace
          WHERE m.text_pos IS NOT NULL AND m.hidden & {never} = 0")],
    },
    View {
        name: "facts",
        about: "What holds now under a key: the memory that fills the slot",
        columns: &[
            text("namespace", "its namespace"),
            text("key", "the slot"),
            text("text", "what holds"),
            text("id", "the memory's id"),
            text("since", "when the memory came to be"),
        ],
        selects: &[(Part::Memory, "SELECT p.path AS namespace, m.key AS key, jay_wording(m.text_pos, 'text') AS text, jay_id(e.id) AS id,
            {at m.created_at} AS since
          FROM {memory}.memories m JOIN {memory}.entities e ON e.num = m.entity
          LEFT JOIN {memory}.namespace_state p ON p.namespace = m.namespace
          WHERE m.key IS NOT NULL AND m.text_pos IS NOT NULL AND m.hidden = 0 AND (m.expires_at IS NULL OR m.expires_at > {now})")],
    },
    View {
        name: "changes",
        about: "A change of one of the two journals, without what it says",
        columns: &[
            text("store", "memory or archive"),
            integer("position", "its place in this store's journal"),
            text("at", "when it was made, by its author's clock"),
            text("operation", "open, create, update, forget, unforget, purge, block, …"),
            text("kind", "what it changed: memory, session, namespace, actor, node"),
            text("entity", "the id of that"),
            text("namespace", "its namespace"),
            text("actor", "who made it"),
            text("node", "the node on which it was made"),
            integer("sequence", "its number in its author's stream"),
        ],
        selects: &[(Part::Memory, "SELECT 'memory' AS store, c.pos AS position, {at c.at} AS at, jay_operation(c.op) AS operation,
            jay_entity_kind(e.kind) AS kind, jay_id(e.id) AS entity, p.path AS namespace, jay_name(a.name) AS actor,
            jay_id(n.id) AS node, c.seq AS sequence
          FROM {memory}.changes c JOIN {memory}.entities e ON e.num = c.entity JOIN {memory}.streams st ON st.num = c.stream
          JOIN {memory}.nodes n ON n.num = st.node LEFT JOIN {memory}.namespace_state p ON p.namespace = e.namespace
          LEFT JOIN {memory}.actors a ON a.entity = c.actor"),
          (Part::Archive, "SELECT 'archive' AS store, c.pos AS position, {at c.at} AS at, jay_operation(c.op) AS operation,
            jay_entity_kind(e.kind) AS kind, jay_id(e.id) AS entity, p.path AS namespace, jay_name(a.name) AS actor,
            jay_id(n.id) AS node, c.seq AS sequence
          FROM {archive}.changes c JOIN {archive}.entities e ON e.num = c.entity JOIN {archive}.streams st ON st.num = c.stream
          JOIN {archive}.nodes n ON n.num = st.node {namespace e.namespace} LEFT JOIN {archive}.actors a ON a.entity = c.actor")],
    },
];

/// A view's query for the two databases as they are attached; none of it where a database is not there.
pub(super) fn query(view: &View, schema_of: &dyn Fn(Part) -> Option<&'static str>, now: i64, never: i64) -> String {
    let there = view.selects.iter().filter(|(part, _)| schema_of(*part).is_some());
    let selects: Vec<String> = there.map(|(_, select)| written(select, schema_of, now, never)).collect();
    if selects.is_empty() {
        let columns: Vec<String> = view.columns.iter().map(|column| format!("NULL AS {}", column.name)).collect();
        return format!("SELECT {} WHERE 0", columns.join(", "));
    }
    selects.join(" UNION ALL ")
}

fn written(select: &str, schema_of: &dyn Fn(Part) -> Option<&'static str>, now: i64, never: i64) -> String {
    let mut sql = String::new();
    let mut rest = select;
    while let Some((before, after)) = rest.split_once('{') {
        sql.push_str(before);
        let (word, after) = after.split_once('}').unwrap_or((after, ""));
        sql.push_str(&filled(word, schema_of, now, never));
        rest = after;
    }
    sql + rest
}

/// What stands for a word in braces.
fn filled(word: &str, of: &dyn Fn(Part) -> Option<&'static str>, now: i64, never: i64) -> String {
    let (archive, memory) = (of(Part::Archive).unwrap_or_default(), of(Part::Memory));
    match word.split_once(' ') {
        // Always as long, so that times can be compared as texts.
        Some(("at", micros)) => format!("strftime('%Y-%m-%dT%H:%M:%fZ', {micros} / 1000000.0, 'unixepoch')"),
        // A namespace of the archive, by its id in the memory, where its path is known.
        Some(("namespace", number)) => match memory {
            Some(memory) => format!(
                "LEFT JOIN {archive}.namespaces an ON an.num = {number} LEFT JOIN {memory}.namespaces mn ON mn.id = an.id
                 LEFT JOIN {memory}.namespace_state p ON p.namespace = mn.num"
            ),
            None => "LEFT JOIN (SELECT NULL AS path) p ON 1".to_owned(),
        },
        _ => match word {
            "archive" => archive.to_owned(),
            "memory" => memory.unwrap_or_default().to_owned(),
            "now" => now.to_string(),
            "never" => never.to_string(),
            _ => String::new(),
        },
    }
}
