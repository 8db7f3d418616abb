-- Projections of the archive journal (J17). Messages point into the block that holds them; no text stands here.
CREATE TABLE sessions(
  entity INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, client TEXT NOT NULL, session TEXT NOT NULL,
  parent TEXT, relation TEXT, agent TEXT, project TEXT, git_remote TEXT, git_branch TEXT, title TEXT, client_version TEXT,
  started_at INTEGER, ended_at INTEGER, host TEXT, user TEXT, latest INTEGER NOT NULL,
  -- messages that are shown, and those of them that have conversational text
  messages INTEGER NOT NULL, searchable INTEGER NOT NULL);
CREATE INDEX sessions_by_client ON sessions(client, session);
CREATE INDEX sessions_by_time ON sessions(latest, entity);
-- One row per block; `meta` is what the block knows of its session. A reading says once more what the block of the dot `reads`
-- says; `rows_pos` is the block that holds the rows, where it is here. `shown` is 1 where the messages are this one's.
CREATE TABLE blocks(
  pos INTEGER PRIMARY KEY, entity INTEGER NOT NULL, path TEXT NOT NULL, revision INTEGER NOT NULL, first_row INTEGER NOT NULL,
  host TEXT NOT NULL, user TEXT NOT NULL, meta TEXT NOT NULL,
  adapter INTEGER NOT NULL, reads BLOB, rows_pos INTEGER, shown INTEGER NOT NULL DEFAULT 0);
CREATE INDEX blocks_by_session ON blocks(entity, path, revision, first_row);
CREATE INDEX blocks_by_reads ON blocks(reads) WHERE reads IS NOT NULL;
-- One row per message: `doc` is its document in the text index, `ordinal` its row in the source, `key` a mark of its id, which
-- stands in the block.
CREATE TABLE messages(
  doc INTEGER PRIMARY KEY, pos INTEGER AS (doc >> 20), place INTEGER AS (doc & 1048575),
  entity INTEGER NOT NULL, ordinal INTEGER NOT NULL, key INTEGER NOT NULL, digest INTEGER NOT NULL,
  role INTEGER, author TEXT, at INTEGER,
  -- 1 where it has conversational text; 1 in `superseded` where a later revision or an equal copy stands for it
  searchable INTEGER NOT NULL, superseded INTEGER NOT NULL DEFAULT 0,
  -- 1 where its text ends by asking something
  asks INTEGER NOT NULL DEFAULT 0);
CREATE INDEX messages_by_session ON messages(entity, ordinal);
CREATE INDEX messages_by_key ON messages(key);
CREATE INDEX messages_superseded ON messages(doc) WHERE superseded <> 0;
-- A local record, no projection: how far each source on this machine was read.
CREATE TABLE sources(client TEXT NOT NULL, path TEXT NOT NULL, revision INTEGER NOT NULL, cursor TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(client, path)) WITHOUT ROWID;
-- Which messages tell that a file was touched, by 32-bit marks of its name and of its last two names (0 where it is told by its
-- name alone). The path itself stands in the block.
CREATE TABLE touched(name INTEGER NOT NULL, tail INTEGER NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY(name, tail, doc)) WITHOUT ROWID;
