-- The journal (J1, J2): headers as columns, bodies beside them. Constant header fields stand once, by number.
CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID;
CREATE TABLE nodes(num INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, public_key BLOB);
CREATE TABLE namespaces(num INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
-- A branch of a stream: the rows of one (node, namespace) that chain; `parent` and `fork_seq` where it is a fork.
CREATE TABLE streams(
  num INTEGER PRIMARY KEY, node INTEGER NOT NULL, namespace INTEGER NOT NULL,
  parent INTEGER, fork_seq INTEGER NOT NULL DEFAULT 0,
  head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL);
CREATE INDEX streams_by_author ON streams(node, namespace);
-- A stream that may not go on, and why: bad_clock, unknown_version, bad_signature, bad_chain, bad_bounds.
CREATE TABLE stopped(node BLOB NOT NULL, namespace BLOB NOT NULL, reason TEXT NOT NULL, detail TEXT, at INTEGER NOT NULL, PRIMARY KEY(node, namespace)) WITHOUT ROWID;
-- `here`: 1 where this store made it, 0 where it was received.
CREATE TABLE acts(num INTEGER PRIMARY KEY, id BLOB NOT NULL, here INTEGER NOT NULL);
CREATE TABLE entities(num INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, kind INTEGER NOT NULL, id BLOB NOT NULL);
CREATE UNIQUE INDEX entities_by_id ON entities(id, namespace, kind);
CREATE TABLE changes(
  pos INTEGER PRIMARY KEY, stream INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
  hlc INTEGER NOT NULL, at INTEGER NOT NULL, actor INTEGER NOT NULL, act INTEGER NOT NULL,
  idx INTEGER NOT NULL, count INTEGER NOT NULL, run BLOB, entity INTEGER NOT NULL,
  op INTEGER NOT NULL, encoding INTEGER NOT NULL, body_hash BLOB NOT NULL, signature BLOB);
CREATE UNIQUE INDEX changes_by_stream ON changes(stream, seq);
CREATE INDEX changes_by_entity ON changes(entity);
CREATE TABLE bodies(pos INTEGER PRIMARY KEY, salt BLOB NOT NULL, bytes BLOB NOT NULL);
-- J13: the last position of each transaction and when it was journalled here; monotonic.
CREATE TABLE arrivals(pos INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE deferred(pos INTEGER NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(pos, field)) WITHOUT ROWID;
-- Entities whose bodies are destroyed for ever (J10).
CREATE TABLE purged(entity INTEGER PRIMARY KEY, pos INTEGER NOT NULL);
-- Winning writes and live set elements of every entity (J7, J15); all heads where there is a conflict.
CREATE TABLE versions(entity INTEGER NOT NULL, register INTEGER NOT NULL, pos INTEGER NOT NULL, idx INTEGER NOT NULL, head INTEGER NOT NULL,
  PRIMARY KEY(entity, register, pos, idx)) WITHOUT ROWID;
CREATE INDEX versions_in_conflict ON versions(entity, register) WHERE head > 0;
CREATE TABLE actors(entity INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL);
CREATE INDEX actors_by_name ON actors(namespace, name, kind);
CREATE TABLE jobs(num INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL DEFAULT 0, error TEXT, queued_at INTEGER NOT NULL);
CREATE UNIQUE INDEX jobs_by_subject ON jobs(kind, subject);
CREATE TABLE vectors(pos INTEGER NOT NULL, chunk INTEGER NOT NULL, model INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  -- the vector as its model encodes it; the chunk's distinct tokens, for late interaction
  code BLOB NOT NULL, tokens BLOB NOT NULL,
  PRIMARY KEY(model, pos, chunk)) WITHOUT ROWID;
CREATE TABLE models(num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL);
-- What the text index holds: a wording by the position of the change that wrote it, which stays until purge (J13), a
-- message by its block and place. A projection of the changes that write text; the segments in files are made from it.
CREATE TABLE documents(doc INTEGER PRIMARY KEY, namespace INTEGER NOT NULL);
-- Documents that are in no segment yet, with their terms and counts.
CREATE TABLE fresh(doc INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, terms BLOB NOT NULL);
-- Purged documents that a segment may still hold.
CREATE TABLE dropped(doc INTEGER PRIMARY KEY);
