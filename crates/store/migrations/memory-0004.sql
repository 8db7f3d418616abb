-- What a memory ever said of the other end of a move (J1), so that either end is found by the other one's id: of a copy the namespace and id
-- that it came from, of a source the id that it went to, in whatever namespace (NULL).
CREATE TABLE moves(other BLOB NOT NULL, namespace BLOB, entity INTEGER NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY(entity, pos)) WITHOUT ROWID;
CREATE INDEX moves_by_other ON moves(other);
-- The next writer makes the rows of what is here already, as of what is deferred; also of namespaces that were deleted or merged and in
-- which something is shown (`retired` 2), so that they are found by their names.
INSERT OR REPLACE INTO deferred(pos, field, reason)
  SELECT v.pos, CASE v.register WHEN 13 THEN 'copied_from' ELSE 'retired' END, 'unknown_field'
  FROM versions v JOIN entities e ON e.num = v.entity WHERE v.register IN (11, 13) AND e.kind IN (2, 4);
-- And of what has several heads: those that say the same are no conflict any longer.
INSERT OR REPLACE INTO deferred(pos, field, reason) SELECT pos, 'heads', 'unknown_field' FROM versions WHERE head > 0;
INSERT OR REPLACE INTO meta(name, value)
  SELECT 'deferred_tried', 'mixed' WHERE EXISTS(SELECT 1 FROM deferred WHERE field IN ('copied_from', 'heads', 'retired'));
-- Of what was said at one moment the order is that in which it was written, the same on every machine.
DROP INDEX memories_by_time;
CREATE INDEX memories_by_time ON memories(created_at, created_hlc);
DROP INDEX memories_by_session;
CREATE INDEX memories_by_session ON memories(session, created_at, created_hlc) WHERE session IS NOT NULL;
