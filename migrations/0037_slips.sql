-- The slips of the contingency series by their number: each is keyed in once. No unique index, since what was keyed in twice
-- before stays as it was; numbers are given under the lock of the books, where it is looked up.
CREATE INDEX entries_slips ON entries (entity_id, office, upper(trim(presented_at_reference)))
    WHERE presented_at_reason = 'contingency_slip';
