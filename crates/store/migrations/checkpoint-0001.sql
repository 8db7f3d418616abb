-- A checkpoint, format 1: whole streams of one journal in their order of arrival, and nothing else. Numbers belong to this file.
CREATE TABLE nodes(num INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE namespaces(num INTEGER PRIMARY KEY, id BLOB NOT NULL);
-- The position: every branch with its head. A branch goes on from the header `after_hash`, which is another branch's where
-- `after_seq` is not 0.
CREATE TABLE streams(
  num INTEGER PRIMARY KEY, node INTEGER NOT NULL, namespace INTEGER NOT NULL,
  after_seq INTEGER NOT NULL, after_hash BLOB NOT NULL, head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL);
CREATE TABLE acts(num INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE entities(num INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id BLOB NOT NULL);
-- `prev_hash` is the hash of the change before in the stream. `body_hash` stands where the body does not.
CREATE TABLE changes(
  pos INTEGER PRIMARY KEY, stream INTEGER NOT NULL, seq INTEGER NOT NULL, hlc INTEGER NOT NULL, at INTEGER NOT NULL,
  actor INTEGER NOT NULL, act INTEGER NOT NULL, idx INTEGER NOT NULL, count INTEGER NOT NULL, run BLOB,
  entity INTEGER NOT NULL, op INTEGER NOT NULL, encoding INTEGER NOT NULL, body_hash BLOB, signature BLOB, salt BLOB, body BLOB);
