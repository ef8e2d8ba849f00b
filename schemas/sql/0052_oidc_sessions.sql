-- Sessions that began by an identity provider's word (docs/decisions/0038-sign-in-by-a-provider.md). All editions.
CREATE TABLE oidc_sessions (
    digest           bytea PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    nonce_digest     bytea NOT NULL UNIQUE CHECK (length(nonce_digest) = 32),
    provider_session text
);
CREATE INDEX oidc_sessions_provider ON oidc_sessions (provider_session) WHERE provider_session IS NOT NULL;
COMMENT ON COLUMN oidc_sessions.nonce_digest IS 'SHA-256 of the nonce: what the provider said once begins one session and no second.';
COMMENT ON COLUMN oidc_sessions.provider_session IS 'The provider''s own name of the browser''s session (sid), by which it says that it ended.';
