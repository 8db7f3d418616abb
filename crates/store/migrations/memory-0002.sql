-- Where pieces of documents stand in their files: the register `place` of memories, with the size of their text. No row needs to be
-- made here: a store of format 1 holds no such register but deferred, and what is deferred is tried again by the next program.
CREATE TABLE places(
  entity INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, root TEXT NOT NULL, base TEXT, path TEXT NOT NULL,
  line INTEGER NOT NULL, line_end INTEGER NOT NULL, text_bytes INTEGER NOT NULL);
CREATE INDEX places_by_namespace ON places(namespace, path, line);
