-- Money that came by bank transfer, line by line: booked on a payment, or set aside for a person.
CREATE TABLE {{prefix}}transfers (
    id         TEXT COLLATE "C" PRIMARY KEY,
    provider   TEXT NOT NULL,
    mode       TEXT NOT NULL,
    line_key   TEXT NOT NULL,
    status     TEXT NOT NULL,
    payment_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    amount     BIGINT NOT NULL CHECK (amount > 0),
    surplus    BIGINT NOT NULL DEFAULT 0,
    currency   TEXT NOT NULL,
    reference  TEXT,
    remittance TEXT,
    payer      TEXT,
    actor      TEXT,
    note       TEXT,
    booked_at  BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX {{index}}transfers_once ON {{prefix}}transfers (provider, line_key);
CREATE INDEX {{index}}transfers_session ON {{prefix}}transfers (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX {{index}}transfers_status ON {{prefix}}transfers (mode, status, id);

-- What has come of an open payment, so that the rest can be asked for.
ALTER TABLE {{prefix}}payments ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
-- How many tries have failed within an attempt that went on.
ALTER TABLE {{prefix}}payments ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

-- Who has confirmed money that no company tells of, and why.
ALTER TABLE {{prefix}}payments ADD COLUMN actor TEXT;
ALTER TABLE {{prefix}}payments ADD COLUMN note TEXT;
CREATE INDEX {{index}}payments_rest ON {{prefix}}payments (provider, (amount - received)) WHERE state = 'open';
