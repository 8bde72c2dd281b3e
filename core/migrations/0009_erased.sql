-- Parts that were erased, each with the office's signed word: nobody brings them back, by whatever way an entry comes.
CREATE TABLE erased (
    entry BLOB NOT NULL,
    part TEXT NOT NULL CHECK (part = 'private'),
    erasure TEXT NOT NULL,
    PRIMARY KEY (entry, part)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_erased_new AFTER INSERT ON entry
WHEN new.private IS NOT NULL AND EXISTS (SELECT 1 FROM erased WHERE entry = new.id AND part = 'private')
BEGIN
    UPDATE entry SET private = NULL WHERE id = new.id;
END;

CREATE TRIGGER entry_erased_again AFTER UPDATE OF private ON entry
WHEN new.private IS NOT NULL AND EXISTS (SELECT 1 FROM erased WHERE entry = new.id AND part = 'private')
BEGIN
    UPDATE entry SET private = NULL WHERE id = new.id;
END;
