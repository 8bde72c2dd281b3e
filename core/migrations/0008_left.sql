-- Whether an entry has left is asked for each that comes: by its id, not through all that have left.
CREATE INDEX entry_left_entry ON entry_left (entry);
