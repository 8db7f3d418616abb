-- Every write that ever said that a memory is the same as an earlier one (J9), for as-of: `target` is the earlier one's id.
CREATE TABLE alias_claims(namespace INTEGER NOT NULL, target BLOB NOT NULL, entity INTEGER NOT NULL, pos INTEGER NOT NULL,
  PRIMARY KEY(namespace, target, entity, pos)) WITHOUT ROWID;
CREATE INDEX alias_claims_by_entity ON alias_claims(entity);
-- The memories that read as another one, the first of those that say the same: its row in `memories` is made of the changes of all of
-- them, theirs is hidden (32) and has neither text nor key. `disputed`: registers of which they say different things.
CREATE TABLE aliases(entity INTEGER PRIMARY KEY, first INTEGER NOT NULL, disputed INTEGER NOT NULL);
CREATE INDEX aliases_by_first ON aliases(first);
-- What a newer program may have written here already is projected anew by the next writer, as what is deferred is.
INSERT OR REPLACE INTO deferred(pos, field, reason)
  SELECT v.pos, 'alias_of', 'unknown_field' FROM versions v JOIN entities e ON e.num = v.entity WHERE v.register = 14 AND e.kind = 4;
INSERT OR REPLACE INTO meta(name, value) SELECT 'deferred_tried', 'mixed' WHERE EXISTS(SELECT 1 FROM deferred WHERE field = 'alias_of');
-- What this store made is compared once with what others made.
INSERT OR IGNORE INTO jobs(kind, subject, queued_at)
  SELECT 'alias', m.entity, m.updated_at FROM memories m
  WHERE m.hidden = 0 AND m.text_mac IS NOT NULL
    AND EXISTS(SELECT 1 FROM changes c JOIN acts a ON a.num = c.act WHERE c.entity = m.entity AND c.op = 2 AND a.here = 1)
    AND EXISTS(SELECT 1 FROM memories o WHERE o.namespace = m.namespace AND o.text_mac = m.text_mac AND o.kind = m.kind
      AND o.hidden = 0 AND o.entity <> m.entity);
