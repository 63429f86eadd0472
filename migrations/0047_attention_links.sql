-- What came of an attention is one of a few names now. What was written in free words before stands beside it.
ALTER TABLE attentions ADD COLUMN earlier_outcome TEXT;
UPDATE attentions SET earlier_outcome = outcome, outcome = NULL
WHERE outcome IS NOT NULL AND outcome NOT IN ('answered', 'transferred', 'call_back');

-- What an attention was part of: a ticket of the queue, an entry by its code, an appointment by its code.
ALTER TABLE attentions ADD COLUMN ticket UUID;
ALTER TABLE attentions ADD COLUMN entry TEXT;
ALTER TABLE attentions ADD COLUMN appointment TEXT;
-- The first of the attentions of a day on paper that were recorded together.
ALTER TABLE attentions ADD COLUMN day_id UUID;
CREATE INDEX attentions_paper_day ON attentions (day_id) WHERE day_id IS NOT NULL;

-- The attention of each thread of messages: within 24 hours a thread is one. A thread is known by a hash of its name, and is
-- forgotten after two days.
CREATE TABLE attention_threads (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    thread BYTEA NOT NULL,
    attention_id UUID NOT NULL,
    -- When the thread's attention began.
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, thread)
);
CREATE INDEX attention_threads_age ON attention_threads (entity_id, recorded_at);
CREATE INDEX attention_threads_attention ON attention_threads (attention_id);
