-- The models' catalogue, and what people set about it.

CREATE TABLE models (
    -- A word that stands in paths.
    id TEXT PRIMARY KEY NOT NULL,
    -- Made of the id, to tell models of the same moment apart in a list.
    place TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    -- In tokens.
    context_window INTEGER NOT NULL CHECK (context_window > 0),
    -- Per million tokens, in cents.
    input_cents_per_mtok INTEGER NOT NULL CHECK (input_cents_per_mtok >= 0),
    output_cents_per_mtok INTEGER NOT NULL CHECK (output_cents_per_mtok >= 0),
    -- Words with a space between, in rising order.
    capabilities TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- Usable without a key of one's own.
    hosted INTEGER NOT NULL,
    -- What lists are sorted by.
    released_at INTEGER NOT NULL
) STRICT;

-- Lists them.
CREATE INDEX models_released_at_place_idx ON models (released_at, place);
-- Lists those that everybody may use.
CREATE INDEX models_hosted_released_at_place_idx ON models (released_at, place) WHERE enabled AND hosted;
-- Lists a provider's, and finds whether there is such a provider.
CREATE INDEX models_provider_released_at_place_idx ON models (provider, released_at, place);

-- A row a model and capability, so that a capability's models are listed by an index.
CREATE TABLE model_capabilities (
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    capability TEXT NOT NULL,
    provider TEXT NOT NULL,
    released_at INTEGER NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (model_id, capability)
) STRICT;

CREATE INDEX model_capabilities_capability_released_at_place_idx ON model_capabilities (capability, released_at, place);
CREATE INDEX model_capabilities_provider_capability_released_at_place_idx
ON model_capabilities (provider, capability, released_at, place);

-- Where the catalogue comes from: one row, changed with the catalogue in one transaction.
CREATE TABLE model_catalogue (
    singleton INTEGER PRIMARY KEY NOT NULL DEFAULT 1 CHECK (singleton = 1),
    -- 'built-in', or 'imported' when an operator has replaced it: then a newer program leaves it alone.
    source TEXT NOT NULL CHECK (source IN ('built-in', 'imported')),
    -- SHA-256 of what was stored, in hexadecimal.
    digest TEXT NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_settings (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- A JSON object of the client's own.
    preferences TEXT NOT NULL,
    -- A JSON list of models' ids; null for no restriction, none when empty.
    enabled_models TEXT,
    updated_at INTEGER NOT NULL
) STRICT;

-- What people set about providers, and their keys there.
CREATE TABLE provider_keys (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- Nonce and ciphertext, bound to user and provider. Null where no key was stored.
    ciphertext BLOB,
    -- Names the key that it is encrypted under.
    key_id TEXT,
    -- The last characters of the key, for its owner to know it by.
    last4 TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, provider),
    CHECK ((ciphertext IS NULL) = (key_id IS NULL) AND (ciphertext IS NULL) = (last4 IS NULL))
) STRICT;

-- Finds what is still encrypted under another key.
CREATE INDEX provider_keys_key_id_user_id_provider_idx ON provider_keys (key_id, user_id, provider) WHERE key_id IS NOT NULL;
