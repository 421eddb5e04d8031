-- Checkout sessions.
CREATE TABLE {{prefix}}sessions (
	id TEXT PRIMARY KEY
);
