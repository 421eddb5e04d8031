-- Refunds: asked for by the merchant, or owed because money came that belongs to no order.
CREATE TABLE {{prefix}}refunds (
    id              TEXT COLLATE "C" PRIMARY KEY,
    session_id      TEXT COLLATE "C" NOT NULL,
    payment_id      TEXT COLLATE "C" NOT NULL,
    mode            TEXT NOT NULL,
    origin          TEXT NOT NULL,
    state           TEXT NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount > 0),
    currency        TEXT NOT NULL,
    reason          TEXT,
    failure         TEXT,
    provider_ref    TEXT,
    tries           INTEGER NOT NULL DEFAULT 0,
    next_at         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    settled_at      BIGINT,
    idempotency_key TEXT,
    request_hash    TEXT
);
CREATE UNIQUE INDEX {{index}}refunds_idempotency ON {{prefix}}refunds (mode, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX {{index}}refunds_owed ON {{prefix}}refunds (payment_id) WHERE origin IN ('amount_mismatch', 'late', 'extra');
CREATE UNIQUE INDEX {{index}}refunds_ref ON {{prefix}}refunds (payment_id, provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX {{index}}refunds_session ON {{prefix}}refunds (session_id, id);
CREATE INDEX {{index}}refunds_payment ON {{prefix}}refunds (payment_id);
CREATE INDEX {{index}}refunds_due ON {{prefix}}refunds (next_at) WHERE state = 'pending';

-- The sandbox pays back like a company: once per key.
CREATE TABLE {{prefix}}sandbox_refunds (
    key        TEXT PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL,
    payment_id TEXT COLLATE "C" NOT NULL,
    amount     BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX {{index}}sandbox_charges_session ON {{prefix}}sandbox_charges (session_id);
CREATE INDEX {{index}}sandbox_refunds_payment ON {{prefix}}sandbox_refunds (payment_id);

-- What a provider's own fields on our page need to know, such as a client secret.
ALTER TABLE {{prefix}}payments ADD COLUMN client TEXT;
