-- Cached roots (J15): the hash of each bucket that has leaves, and which entities are in it. A projection of `versions` and `purged`
-- up to the position that `meta` has as `roots_pos`; what came later is not in it yet. NULL where a change from before that
-- position was projected once more. Without `roots_pos` nothing of it holds.
CREATE TABLE root_buckets(namespace INTEGER NOT NULL, bucket INTEGER NOT NULL, hash BLOB, PRIMARY KEY(namespace, bucket)) WITHOUT ROWID;
CREATE INDEX root_buckets_stale ON root_buckets(namespace, bucket) WHERE hash IS NULL;
CREATE TABLE root_members(namespace INTEGER NOT NULL, bucket INTEGER NOT NULL, entity INTEGER NOT NULL,
  PRIMARY KEY(namespace, bucket, entity)) WITHOUT ROWID;
