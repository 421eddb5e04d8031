-- Who has changed what: one row for every change that a person or a program has asked for.
CREATE TABLE {{prefix}}audit (
    id         TEXT PRIMARY KEY,
    at         BIGINT NOT NULL,
    mode       TEXT NOT NULL,
    actor_id   TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    session_id TEXT,
    detail     TEXT NOT NULL,
    request_id TEXT
);
CREATE INDEX {{index}}audit_session ON {{prefix}}audit (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX {{index}}audit_object ON {{prefix}}audit (object, id);

-- Every attempt to deliver, as it went over the wire. The body is the event's.
CREATE TABLE {{prefix}}delivery_attempts (
    id                 TEXT NOT NULL,
    delivery_id        TEXT NOT NULL,
    endpoint_id        TEXT NOT NULL,
    n                  INTEGER NOT NULL,
    at                 BIGINT NOT NULL,
    duration_ms        BIGINT NOT NULL,
    url                TEXT NOT NULL,
    signed_at          BIGINT NOT NULL,
    signature          TEXT NOT NULL,
    standard_signature TEXT,
    lead_secret        TEXT NOT NULL,
    http_status        INTEGER,
    class              TEXT,
    error              TEXT,
    response           TEXT,
    response_headers   TEXT,
    PRIMARY KEY (delivery_id, id)
);
CREATE INDEX {{index}}attempts_endpoint ON {{prefix}}delivery_attempts (endpoint_id, at);

-- Two secrets while one is replaced: which one leads, and which one the receiver has accepted last.
ALTER TABLE {{prefix}}endpoints ADD COLUMN previous_secret TEXT;
ALTER TABLE {{prefix}}endpoints ADD COLUMN previous_until BIGINT;
ALTER TABLE {{prefix}}endpoints ADD COLUMN lead_secret TEXT NOT NULL DEFAULT 'current';
ALTER TABLE {{prefix}}endpoints ADD COLUMN accepted TEXT;
ALTER TABLE {{prefix}}endpoints ADD COLUMN accepted_at BIGINT;
ALTER TABLE {{prefix}}endpoints ADD COLUMN failing_since BIGINT;
ALTER TABLE {{prefix}}endpoints ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {{prefix}}endpoints ADD COLUMN disabled_at BIGINT;
-- Since when something may not have arrived, from the last time it was switched off until all of it was sent again.
ALTER TABLE {{prefix}}endpoints ADD COLUMN missed_since BIGINT;

-- What a delivery is sent as, whatever its endpoint asks for later.
ALTER TABLE {{prefix}}deliveries ADD COLUMN payload_form TEXT NOT NULL DEFAULT 'full';

ALTER TABLE {{prefix}}keys ADD COLUMN created_by TEXT;

-- Lists of the admin and of the API: newest first within a mode.
CREATE INDEX {{index}}deliveries_mode ON {{prefix}}deliveries (mode, id);
CREATE INDEX {{index}}deliveries_state ON {{prefix}}deliveries (mode, state, id);
CREATE INDEX {{index}}deliveries_endpoint ON {{prefix}}deliveries (endpoint_id, id);
CREATE INDEX {{index}}events_mode ON {{prefix}}events (mode, id);

-- What the admin's lists, sums and counts read.
CREATE INDEX {{index}}sessions_amount ON {{prefix}}sessions (mode, currency, amount, id);
CREATE INDEX {{index}}sessions_completed ON {{prefix}}sessions (mode, completed_at, currency, amount) WHERE completed_at IS NOT NULL;
CREATE INDEX {{index}}sessions_expired ON {{prefix}}sessions (mode, expired_at) WHERE expired_at IS NOT NULL;
CREATE INDEX {{index}}refunds_settled ON {{prefix}}refunds (mode, settled_at) WHERE state = 'succeeded';
CREATE INDEX {{index}}refunds_waiting ON {{prefix}}refunds (mode, id) WHERE state = 'needs_person';
CREATE INDEX {{index}}refunds_provider_ref ON {{prefix}}refunds (provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX {{index}}deliveries_failed ON {{prefix}}deliveries (endpoint_id, id) WHERE state = 'failed';
