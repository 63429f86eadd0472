-- The registry: entities, their books, and what the books hold.
-- Shared by both engines: BIGINT for every integer, instants as microseconds since 1970 UTC,
-- local dates as text (2026-11-25), codes as the API spells them. Field names and lengths follow SICRES 4.0.

CREATE TABLE entities (
    id BIGINT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    host TEXT UNIQUE,
    -- The first statement of every change to a book updates this row, so it is the lock of the entity's books.
    last_event BIGINT NOT NULL DEFAULT 0,
    last_registered_at BIGINT NOT NULL DEFAULT 0,
    -- The right edge of the tree over all events of the books (RFC 6962): one hash a full subtree, the largest first.
    log_edge BYTEA NOT NULL,
    -- Until this instant an administrator has accepted that the clock stands behind the last entry, or jumped forward.
    clock_accepted_until BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

CREATE TABLE books (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    code TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('incoming', 'outgoing')),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    PRIMARY KEY (entity_id, code),
    UNIQUE (entity_id, prefix)
);

CREATE TABLE book_years (
    entity_id BIGINT NOT NULL,
    book TEXT NOT NULL,
    year BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    -- Numbered here, not only brought from an older system: nothing more may be imported into it.
    live BOOLEAN NOT NULL,
    PRIMARY KEY (entity_id, book, year),
    FOREIGN KEY (entity_id, book) REFERENCES books (entity_id, code)
);

CREATE TABLE offices (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity_id, code)
);

-- The catalogue of units of any body (art. 16.4 Ley 39/2015); `own` are the entity's.
CREATE TABLE units (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    own BOOLEAN NOT NULL,
    PRIMARY KEY (entity_id, code)
);

CREATE TABLE holidays (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    date TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity_id, date)
);

CREATE TABLE tokens (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    unit TEXT,
    office TEXT,
    hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- What one numbering transaction writes has no foreign keys inside it: all of it comes from one place, and PostgreSQL
-- would lock the entry's row once for each party, document, verdict and event, which halves what it can take.
CREATE TABLE entries (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    book TEXT NOT NULL,
    kind TEXT NOT NULL,
    year BIGINT NOT NULL,
    number BIGINT NOT NULL,
    code TEXT NOT NULL,
    -- The place of its first event among the entity's: the order in which entries were written.
    position BIGINT NOT NULL,
    presented_at BIGINT NOT NULL,
    registered_at BIGINT NOT NULL,
    effective_at BIGINT,
    -- Local dates of `registered_at` and `effective_at`.
    registered_on TEXT NOT NULL,
    effective_on TEXT,
    channel TEXT NOT NULL CHECK (channel IN ('electronic', 'in_person', 'postal', 'exchange')),
    authentication_method TEXT,
    status TEXT NOT NULL,
    rectified BOOLEAN NOT NULL,
    imported BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    must_submit_electronically TEXT,
    routing TEXT NOT NULL,
    office TEXT,
    registered_by TEXT NOT NULL,
    submission_id UUID,
    submission_sha256 BYTEA,
    signature_sha256 BYTEA,
    csv TEXT,
    -- SHA-256 of the code: it is looked up by this, so that the time of an answer tells nothing about codes that exist.
    csv_sha256 BYTEA,
    subject TEXT NOT NULL,
    statement TEXT,
    request TEXT,
    destination_unit TEXT,
    -- The unit that was handed the entry.
    distributed_to TEXT,
    external_reference TEXT,
    file_number TEXT,
    procedure_code TEXT,
    corrects TEXT,
    answers TEXT,
    physical_documents TEXT,
    transport TEXT,
    transport_number TEXT,
    remarks TEXT,
    authentication TEXT,
    UNIQUE (entity_id, book, year, number)
);
CREATE UNIQUE INDEX entries_submission ON entries (entity_id, submission_id) WHERE submission_id IS NOT NULL;
CREATE UNIQUE INDEX entries_csv ON entries (csv_sha256) WHERE csv_sha256 IS NOT NULL;
CREATE INDEX entries_time ON entries (entity_id, registered_at, position);
CREATE INDEX entries_unit ON entries (entity_id, distributed_to, registered_at) WHERE distributed_to IS NOT NULL;

CREATE TABLE parties (
    entry_id UUID NOT NULL,
    ordinal BIGINT NOT NULL,
    entity_id BIGINT NOT NULL,
    -- The ordinal of the party it represents, for a representative.
    represents BIGINT,
    authority_kind TEXT,
    authority_reference TEXT,
    person_type TEXT NOT NULL,
    id_type TEXT NOT NULL,
    id TEXT NOT NULL,
    company_name TEXT,
    given_name TEXT,
    first_surname TEXT,
    second_surname TEXT,
    email TEXT,
    mobile TEXT,
    landline TEXT,
    notification_channel TEXT,
    receives_notifications BOOLEAN NOT NULL,
    country TEXT,
    province TEXT,
    municipality TEXT,
    street TEXT,
    postcode TEXT,
    PRIMARY KEY (entry_id, ordinal)
);
CREATE INDEX parties_id ON parties (entity_id, id);

CREATE TABLE documents (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    entry_id UUID NOT NULL,
    ordinal BIGINT NOT NULL,
    part TEXT NOT NULL,
    filename TEXT NOT NULL,
    title TEXT,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    validity TEXT NOT NULL,
    kind TEXT NOT NULL,
    format_not_accepted BOOLEAN NOT NULL,
    signature_sha256 BYTEA,
    signature_size BIGINT,
    UNIQUE (entry_id, ordinal)
);
CREATE INDEX documents_sha256 ON documents (entity_id, sha256);
CREATE INDEX documents_signature_sha256 ON documents (entity_id, signature_sha256) WHERE signature_sha256 IS NOT NULL;

CREATE TABLE verdicts (
    entry_id UUID NOT NULL,
    ordinal BIGINT NOT NULL,
    covers TEXT NOT NULL,
    indication TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (entry_id, ordinal)
);

-- Whatever happens to a book. Never changed, never deleted; `position` counts from 1 without gaps per entity.
CREATE TABLE events (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    entry_id UUID NOT NULL,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    by_role TEXT NOT NULL,
    reason TEXT,
    -- RFC 8785 JSON: with the columns, the record that the leaf commits to.
    data TEXT NOT NULL,
    -- 32 random bytes before the record, so that nobody can guess it from its hash.
    salt BYTEA NOT NULL,
    -- SHA-256 of salt and record: what the leaf is made of.
    commitment BYTEA NOT NULL,
    -- How many leaves there were when its batch was written.
    tree_size BIGINT NOT NULL,
    UNIQUE (entity_id, position)
);
CREATE INDEX events_entry ON events (entry_id, position);

-- Roots of full subtrees of 256, 65,536 … leaves (levels 8, 16 …), written when each is full. Level 0 stands in the
-- events and in the access log.
CREATE TABLE log_nodes (
    entity_id BIGINT NOT NULL,
    -- Whose tree: `book` or `access`.
    log TEXT NOT NULL,
    level BIGINT NOT NULL,
    node BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (entity_id, log, level, node)
);

-- Keys that sign checkpoints, where the settings name no file for them.
CREATE TABLE log_keys (
    entity_id BIGINT PRIMARY KEY,
    key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The entity's seal over checkpoints, every so often, with a timestamp where there is an authority to ask.
CREATE TABLE log_seals (
    entity_id BIGINT NOT NULL,
    log TEXT NOT NULL,
    size BIGINT NOT NULL,
    checkpoint TEXT NOT NULL,
    p7s BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    timestamped BOOLEAN NOT NULL,
    PRIMARY KEY (entity_id, log, size)
);

-- What witnesses signed.
CREATE TABLE log_cosignatures (
    entity_id BIGINT NOT NULL,
    log TEXT NOT NULL,
    size BIGINT NOT NULL,
    witness TEXT NOT NULL,
    line TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, log, size, witness)
);

-- Written in the numbering transaction: a crash can never separate a key from its entry.
CREATE TABLE idempotency_keys (
    entity_id BIGINT NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    body_sha256 BYTEA NOT NULL,
    operation TEXT NOT NULL,
    subject_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, caller, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- What follows an entry once it is committed: full text, receipt. Emptied by a task of the server.
CREATE TABLE outbox (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    entry_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE receipts (
    entry_id UUID PRIMARY KEY REFERENCES entries (id),
    entity_id BIGINT NOT NULL,
    json BYTEA NOT NULL,
    p7s BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    -- The sealed PDF in the object store, once it is made, and whether its seal has a timestamp.
    pdf_sha256 BYTEA,
    pdf_timestamped BOOLEAN
);

-- Kept in the transactions that change the books: the report costs the same at ten million entries.
CREATE TABLE entry_counts (
    entity_id BIGINT NOT NULL,
    book TEXT NOT NULL,
    date TEXT NOT NULL,
    channel TEXT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (entity_id, book, date, channel)
);

CREATE TABLE attentions (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    at BIGINT NOT NULL,
    attended_on TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('phone', 'whatsapp', 'email', 'in_person')),
    unit TEXT NOT NULL,
    topic TEXT NOT NULL,
    outcome TEXT,
    count BIGINT NOT NULL CHECK (count > 0),
    recorded_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    import_id UUID,
    withdrawn_at BIGINT,
    withdrawn_by TEXT
);
CREATE INDEX attentions_time ON attentions (entity_id, at, id);

CREATE TABLE attention_counts (
    entity_id BIGINT NOT NULL,
    date TEXT NOT NULL,
    unit TEXT NOT NULL,
    channel TEXT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (entity_id, date, unit, channel)
);

-- Files of attentions brought from older systems: a repeat of the same file is skipped.
CREATE TABLE imports (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    file_sha256 BYTEA NOT NULL,
    rows BIGINT NOT NULL,
    imported_at BIGINT NOT NULL,
    UNIQUE (entity_id, kind, file_sha256)
);

CREATE TABLE access_log (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    entry_id UUID,
    detail TEXT,
    -- A leaf of a tree of its own, as events are of theirs.
    position BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    commitment BYTEA NOT NULL,
    UNIQUE (entity_id, position)
);
CREATE INDEX access_log_time ON access_log (entity_id, at, id);
CREATE INDEX access_log_entry ON access_log (entry_id, at);

-- How far each access log has come: its lock, and the right edge of its tree.
CREATE TABLE access_heads (
    entity_id BIGINT PRIMARY KEY,
    size BIGINT NOT NULL,
    edge BYTEA NOT NULL
);

-- A hash that the sweep of orphaned objects is about to delete: no entry may refer to it meanwhile.
CREATE TABLE object_claims (
    entity_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, sha256)
);
