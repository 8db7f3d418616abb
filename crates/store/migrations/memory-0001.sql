-- Projections of the memory journal. Every row can be made again from `changes` and `bodies` (I4).
CREATE TABLE memories(
  entity INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, kind INTEGER NOT NULL,
  text_pos INTEGER, text_mac BLOB, key TEXT, key_pos INTEGER,
  created_hlc INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  valid_from INTEGER, valid_to INTEGER, expires_at INTEGER,
  importance REAL, confidence REAL, pinned INTEGER NOT NULL DEFAULT 0,
  useful INTEGER NOT NULL DEFAULT 0, noise INTEGER NOT NULL DEFAULT 0,
  -- the session that the memory was said in, as its source names it
  session TEXT,
  -- 1 where its text ends by asking something
  asks INTEGER NOT NULL,
  -- 1 superseded, 2 forgotten, 4 retired, 8 shadow, 16 forgotten by its text
  hidden INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX memories_by_mac ON memories(namespace, text_mac);
CREATE INDEX memories_by_key ON memories(namespace, key) WHERE key IS NOT NULL;
CREATE INDEX memories_by_time ON memories(created_at, entity);
CREATE INDEX memories_by_session ON memories(session, created_at, entity) WHERE session IS NOT NULL;
CREATE TABLE tags(entity INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(entity, tag)) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags(tag, entity);
CREATE TABLE links(entity INTEGER NOT NULL, target BLOB NOT NULL, relation TEXT NOT NULL, PRIMARY KEY(entity, target, relation)) WITHOUT ROWID;
CREATE INDEX links_by_target ON links(target);
-- Every claim ever made of a key, for as-of (J8, J13).
CREATE TABLE key_claims(namespace INTEGER NOT NULL, key TEXT NOT NULL, entity INTEGER NOT NULL, pos INTEGER NOT NULL,
  PRIMARY KEY(namespace, key, entity, pos)) WITHOUT ROWID;
-- Every forget, for as-of (J13). An equal text created before a live one, which no unforget took back, is hidden (J10).
CREATE TABLE forgets(entity INTEGER NOT NULL, namespace INTEGER NOT NULL, mac BLOB NOT NULL, hlc INTEGER NOT NULL, pos INTEGER NOT NULL,
  live INTEGER NOT NULL, PRIMARY KEY(entity, pos)) WITHOUT ROWID;
CREATE INDEX forgets_by_mac ON forgets(namespace, mac);
CREATE TABLE namespace_state(
  namespace INTEGER PRIMARY KEY, path TEXT, path_pos INTEGER, forget_key BLOB, secrets TEXT, created_at INTEGER NOT NULL, retired INTEGER NOT NULL);
CREATE TABLE namespace_names(namespace INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, pos INTEGER NOT NULL,
  PRIMARY KEY(name, kind, namespace)) WITHOUT ROWID;
-- Acts that an undo took back.
CREATE TABLE undone(act BLOB NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY(act, pos)) WITHOUT ROWID;
-- A local record, no projection: it replays the answer of a write that was sent twice, for 7 days.
CREATE TABLE idempotency(name TEXT PRIMARY KEY, input_hash BLOB NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency(at);
