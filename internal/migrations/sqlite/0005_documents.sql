-- Receipts, invoices and credit notes. A row is made in the transaction of the completion or of the refund, and gets its
-- number from the worker. From then on it never changes: content is what was issued, sha256 is over exactly its bytes.
CREATE TABLE {{prefix}}documents (
    id         TEXT PRIMARY KEY,
    mode       TEXT NOT NULL,
    session_id TEXT NOT NULL,
    refund_id  TEXT,
    state      TEXT NOT NULL,
    kind       TEXT,
    series     TEXT,
    year       INTEGER,
    counter    BIGINT,
    number     TEXT,
    currency   TEXT NOT NULL,
    gross      BIGINT NOT NULL,
    tax        BIGINT,
    buyer      TEXT,
    content    TEXT,
    sha256     TEXT,
    failure    TEXT,
    tries      INTEGER NOT NULL DEFAULT 0,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    issued_at  BIGINT
);
CREATE UNIQUE INDEX {{index}}documents_once ON {{prefix}}documents (session_id, COALESCE(refund_id, ''));
CREATE UNIQUE INDEX {{index}}documents_number ON {{prefix}}documents (series, year, counter) WHERE counter IS NOT NULL;
CREATE INDEX {{index}}documents_due ON {{prefix}}documents (next_at) WHERE state = 'due';
CREATE INDEX {{index}}documents_waiting ON {{prefix}}documents (mode, id) WHERE state = 'due';
CREATE INDEX {{index}}documents_issued ON {{prefix}}documents (mode, issued_at, id) WHERE issued_at IS NOT NULL;
CREATE INDEX {{index}}documents_kind ON {{prefix}}documents (mode, kind, issued_at, id) WHERE issued_at IS NOT NULL;

-- The next number of each series and year, counted in the transaction that uses it: no gaps, no duplicates.
CREATE TABLE {{prefix}}document_series (
    series TEXT NOT NULL,
    year   INTEGER NOT NULL,
    next   BIGINT NOT NULL,
    PRIMARY KEY (series, year)
);

-- The outbox of mails. A row is made in the transaction of its cause; what is nil until it is written never changes from then
-- on. next_at is when it is due, and the end of the lease while somebody has claimed it.
CREATE TABLE {{prefix}}mails (
    id          TEXT PRIMARY KEY,
    mode        TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    document_id TEXT,
    kind        TEXT NOT NULL,
    object      TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    recipient   TEXT NOT NULL,
    state       TEXT NOT NULL,
    message_id  TEXT,
    lang        TEXT,
    subject     TEXT,
    text_body   TEXT,
    html_body   TEXT,
    qr          TEXT,
    tries       INTEGER NOT NULL DEFAULT 0,
    next_at     BIGINT NOT NULL,
    claim       TEXT,
    code        INTEGER,
    reply       TEXT,
    failure     TEXT,
    doubtful    INTEGER NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT
);
CREATE UNIQUE INDEX {{index}}mails_once ON {{prefix}}mails (session_id, kind, object, revision);
CREATE INDEX {{index}}mails_due ON {{prefix}}mails (next_at) WHERE state = 'due' OR state = 'sending';
CREATE INDEX {{index}}mails_mode ON {{prefix}}mails (mode, id);
CREATE INDEX {{index}}mails_session ON {{prefix}}mails (session_id, id);
CREATE INDEX {{index}}mails_document ON {{prefix}}mails (document_id) WHERE document_id IS NOT NULL;

-- The receipt, invoice or credit note of a completed session, known from the completion on.
ALTER TABLE {{prefix}}sessions ADD COLUMN invoice_id TEXT;
-- The language the buyer has paid in, with the region.
ALTER TABLE {{prefix}}sessions ADD COLUMN buyer_locale TEXT;
