-- What the citizens' service offers: each service belongs to one department, by whose token it is changed.
CREATE TABLE services (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    department TEXT NOT NULL,
    prefix TEXT NOT NULL,
    appointment TEXT NOT NULL CHECK (appointment IN ('none', 'optional', 'required')),
    registry BOOLEAN NOT NULL,
    slot_minutes BIGINT NOT NULL CHECK (slot_minutes > 0),
    day_limit BIGINT,
    notice_minutes BIGINT NOT NULL,
    horizon_days BIGINT NOT NULL,
    active_per_person BIGINT NOT NULL,
    cancel_until_minutes BIGINT NOT NULL,
    bring TEXT,
    quick BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    -- The agenda, JSON: rules, closed and extra. Its version counts each change of it, and is its ETag.
    agenda TEXT NOT NULL,
    agenda_version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (entity_id, code)
);

-- A slot of which a place was ever taken: how many places there are for the public and in all, and how many are taken by
-- bookings and holds. Slots that nobody asked for follow from the agenda and have no row.
CREATE TABLE slots (
    entity_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    local_date TEXT NOT NULL,
    public_places BIGINT NOT NULL,
    capacity BIGINT NOT NULL,
    public_taken BIGINT NOT NULL CHECK (public_taken >= 0),
    taken BIGINT NOT NULL CHECK (taken >= public_taken),
    PRIMARY KEY (entity_id, service, start_at),
    FOREIGN KEY (entity_id, service) REFERENCES services (entity_id, code)
);

-- Places of a service's day that are taken, for its limit.
CREATE TABLE slot_days (
    entity_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    local_date TEXT NOT NULL,
    taken BIGINT NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (entity_id, service, local_date),
    FOREIGN KEY (entity_id, service) REFERENCES services (entity_id, code)
);

-- One place of a slot: of a hold until `expires_at`, by the database's clock, or of an appointment.
CREATE TABLE seats (
    entity_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    seat BIGINT NOT NULL CHECK (seat > 0),
    -- Whether it is one of the public's places.
    public BOOLEAN NOT NULL,
    hold_id UUID UNIQUE,
    -- A hash of the network that made the hold, so that one network holds few.
    held_by TEXT,
    expires_at BIGINT,
    appointment_id UUID UNIQUE,
    PRIMARY KEY (entity_id, service, start_at, seat),
    FOREIGN KEY (entity_id, service, start_at) REFERENCES slots (entity_id, service, start_at)
);
CREATE INDEX seats_holds ON seats (entity_id, service, expires_at) WHERE hold_id IS NOT NULL;

CREATE TABLE appointments (
    id UUID PRIMARY KEY,
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    service TEXT NOT NULL,
    -- 80 random bits and more: all that it takes to change the appointment.
    code TEXT NOT NULL UNIQUE,
    department TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    local_date TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('booked', 'broken', 'checked_in', 'served', 'missed', 'cancelled_by_person', 'cancelled_by_office')),
    name TEXT NOT NULL,
    id_type TEXT,
    person_id TEXT,
    phone TEXT,
    email TEXT,
    language TEXT NOT NULL,
    remarks TEXT,
    -- public or staff; and which token.
    booked_by TEXT NOT NULL,
    booked_by_name TEXT,
    booked_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    reason TEXT,
    version BIGINT NOT NULL,
    FOREIGN KEY (entity_id, service) REFERENCES services (entity_id, code)
);
CREATE INDEX appointments_day ON appointments (entity_id, local_date, start_at, id);
CREATE INDEX appointments_service ON appointments (entity_id, service, local_date, start_at, id);
CREATE INDEX appointments_person ON appointments (entity_id, service, person_id) WHERE person_id IS NOT NULL;
CREATE INDEX appointments_phone ON appointments (entity_id, service, phone) WHERE phone IS NOT NULL;
CREATE INDEX appointments_email ON appointments (entity_id, service, email) WHERE email IS NOT NULL;
