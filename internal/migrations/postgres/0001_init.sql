-- Times are Unix milliseconds in UTC, money is in minor units (ISO 4217 exponent of the currency beside it).
-- JSON is kept as text: the bytes of metadata and payloads must never be re-ordered.

CREATE TABLE {{prefix}}settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE {{prefix}}keys (
    id           TEXT COLLATE "C" PRIMARY KEY,
    mode         TEXT NOT NULL,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    last4        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX {{index}}keys_hash ON {{prefix}}keys (hash);

CREATE TABLE {{prefix}}sessions (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    mode                TEXT NOT NULL,
    status              TEXT NOT NULL,
    payment_status      TEXT NOT NULL,
    amount              BIGINT NOT NULL CHECK (amount >= 0),
    currency            TEXT NOT NULL,
    amount_tax          BIGINT NOT NULL,
    amount_refunded     BIGINT NOT NULL DEFAULT 0,
    line_items          TEXT NOT NULL,
    customer_email      TEXT,
    email_from_page     INTEGER NOT NULL DEFAULT 0,
    metadata            TEXT NOT NULL,
    client_reference_id TEXT,
    billing_details     TEXT,
    locale              TEXT NOT NULL,
    payment_methods     TEXT,
    success_url         TEXT NOT NULL,
    cancel_url          TEXT NOT NULL,
    embed_origin        TEXT,
    late_payment        TEXT NOT NULL,
    last_error          TEXT,
    payment_id          TEXT,
    attempts            INTEGER NOT NULL DEFAULT 0,
    created_at          BIGINT NOT NULL,
    ttl_seconds         BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL,
    completed_at        BIGINT,
    expired_at          BIGINT,
    last_event_at       BIGINT NOT NULL DEFAULT 0,
    hook_refusals       INTEGER NOT NULL DEFAULT 0,
    idempotency_key     TEXT,
    request_hash        TEXT,
    rev                 BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX {{index}}sessions_idempotency ON {{prefix}}sessions (mode, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX {{index}}sessions_mode ON {{prefix}}sessions (mode, id);
CREATE INDEX {{index}}sessions_status ON {{prefix}}sessions (mode, status, id);
CREATE INDEX {{index}}sessions_payment_status ON {{prefix}}sessions (mode, payment_status, id);
CREATE INDEX {{index}}sessions_email ON {{prefix}}sessions (mode, customer_email, id) WHERE customer_email IS NOT NULL;
CREATE INDEX {{index}}sessions_reference ON {{prefix}}sessions (mode, client_reference_id, id) WHERE client_reference_id IS NOT NULL;
CREATE INDEX {{index}}sessions_due ON {{prefix}}sessions (expires_at) WHERE status = 'pending';

CREATE TABLE {{prefix}}payments (
    id            TEXT COLLATE "C" PRIMARY KEY,
    session_id    TEXT COLLATE "C" NOT NULL,
    mode          TEXT NOT NULL,
    ordinal       INTEGER NOT NULL,
    provider      TEXT NOT NULL,
    method        TEXT NOT NULL,
    state         TEXT NOT NULL,
    step          TEXT NOT NULL,
    amount        BIGINT NOT NULL,
    currency      TEXT NOT NULL,
    captured      BIGINT NOT NULL DEFAULT 0,
    ref           TEXT,
    charge_id     TEXT,
    action_url    TEXT,
    reason        TEXT,
    provider_code TEXT,
    created_at    BIGINT NOT NULL,
    settled_at    BIGINT,
    next_poll_at  BIGINT,
    polls         INTEGER NOT NULL DEFAULT 0,
    hook_refusals INTEGER NOT NULL DEFAULT 0,
    hook_skipped  INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX {{index}}payments_open ON {{prefix}}payments (session_id) WHERE state = 'open';
CREATE UNIQUE INDEX {{index}}payments_ordinal ON {{prefix}}payments (session_id, ordinal);
CREATE UNIQUE INDEX {{index}}payments_charge ON {{prefix}}payments (provider, charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX {{index}}payments_ref ON {{prefix}}payments (provider, ref) WHERE ref IS NOT NULL;
CREATE INDEX {{index}}payments_due ON {{prefix}}payments (next_poll_at) WHERE state = 'open';

CREATE TABLE {{prefix}}provider_events (
    provider    TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    payment_id  TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (provider, event_id)
);

CREATE TABLE {{prefix}}events (
    id         TEXT COLLATE "C" PRIMARY KEY,
    session_id TEXT COLLATE "C" NOT NULL,
    mode       TEXT NOT NULL,
    type       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX {{index}}events_terminal ON {{prefix}}events (session_id) WHERE type IN ('checkout.session.completed', 'checkout.session.expired');
CREATE INDEX {{index}}events_session ON {{prefix}}events (session_id, id);

CREATE TABLE {{prefix}}endpoints (
    id            TEXT COLLATE "C" PRIMARY KEY,
    mode          TEXT NOT NULL,
    url           TEXT NOT NULL,
    secret        TEXT NOT NULL,
    events        TEXT NOT NULL,
    payload       TEXT NOT NULL,
    status        TEXT NOT NULL,
    status_reason TEXT,
    created_at    BIGINT NOT NULL
);
CREATE INDEX {{index}}endpoints_mode ON {{prefix}}endpoints (mode, status);

CREATE TABLE {{prefix}}deliveries (
    id           TEXT COLLATE "C" PRIMARY KEY,
    event_id     TEXT COLLATE "C" NOT NULL,
    endpoint_id  TEXT COLLATE "C" NOT NULL,
    session_id   TEXT COLLATE "C" NOT NULL,
    mode         TEXT NOT NULL,
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      BIGINT NOT NULL,
    lease        TEXT,
    lease_until  BIGINT NOT NULL DEFAULT 0,
    http_status  INTEGER,
    error        TEXT,
    response     TEXT,
    created_at   BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE UNIQUE INDEX {{index}}deliveries_once ON {{prefix}}deliveries (event_id, endpoint_id);
CREATE INDEX {{index}}deliveries_due ON {{prefix}}deliveries (endpoint_id, next_at) WHERE state = 'pending';
CREATE INDEX {{index}}deliveries_session ON {{prefix}}deliveries (session_id);

CREATE TABLE {{prefix}}sandbox_charges (
    id         TEXT COLLATE "C" PRIMARY KEY,
    payment_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    amount     BIGINT NOT NULL,
    currency   TEXT NOT NULL,
    scenario   TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT,
    ready_at   BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX {{index}}sandbox_charges_payment ON {{prefix}}sandbox_charges (payment_id);
