-- What searches find an item by, words and place, as a hash: they are written anew only where they change. Null: no search finds
-- it yet.
ALTER TABLE item ADD COLUMN found_by INTEGER;
-- Those that there are are found by something.
UPDATE item SET found_by = 0;

-- A page of cases is one segment of the index, not a dozen, and segments are merged by eights.
INSERT INTO item_text (item_text, rank) VALUES ('hashsize', 4194304);
INSERT INTO item_text (item_text, rank) VALUES ('automerge', 8);
