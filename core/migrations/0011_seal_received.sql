-- When the office received the batch, by its own clock: with what the phone's clocks said as it signed, this bounds when anything in
-- it happened. Only at the office; null of those from before.
ALTER TABLE batch_seal ADD COLUMN received_at INTEGER;
