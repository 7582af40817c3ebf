-- The models' catalogue, and what people set about it.

CREATE TABLE models (
    -- A word that stands in paths.
    id text PRIMARY KEY,
    -- Made of the id, to tell models of the same moment apart in a list.
    place uuid NOT NULL UNIQUE,
    provider text NOT NULL,
    name text NOT NULL,
    -- In tokens.
    context_window bigint NOT NULL CHECK (context_window > 0),
    -- Per million tokens, in cents.
    input_cents_per_mtok bigint NOT NULL CHECK (input_cents_per_mtok >= 0),
    output_cents_per_mtok bigint NOT NULL CHECK (output_cents_per_mtok >= 0),
    -- Words with a space between, in rising order.
    capabilities text NOT NULL,
    enabled boolean NOT NULL,
    -- Usable without a key of one's own.
    hosted boolean NOT NULL,
    -- What lists are sorted by.
    released_at timestamptz NOT NULL
);

-- Lists them.
CREATE INDEX models_released_at_place_idx ON models (released_at, place);
-- Lists those that everybody may use.
CREATE INDEX models_hosted_released_at_place_idx ON models (released_at, place) WHERE enabled AND hosted;
-- Lists a provider's, and finds whether there is such a provider.
CREATE INDEX models_provider_released_at_place_idx ON models (provider, released_at, place);

-- A row a model and capability, so that a capability's models are listed by an index.
CREATE TABLE model_capabilities (
    model_id text NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    capability text NOT NULL,
    provider text NOT NULL,
    released_at timestamptz NOT NULL,
    place uuid NOT NULL,
    PRIMARY KEY (model_id, capability)
);

CREATE INDEX model_capabilities_capability_released_at_place_idx ON model_capabilities (capability, released_at, place);
CREATE INDEX model_capabilities_provider_capability_released_at_place_idx
ON model_capabilities (provider, capability, released_at, place);

-- Where the catalogue comes from: one row, changed with the catalogue in one transaction.
CREATE TABLE model_catalogue (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- 'built-in', or 'imported' when an operator has replaced it: then a newer program leaves it alone.
    source text NOT NULL CHECK (source IN ('built-in', 'imported')),
    -- SHA-256 of what was stored, in hexadecimal.
    digest text NOT NULL,
    stored_at timestamptz NOT NULL
);

CREATE TABLE user_settings (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- A JSON object of the client's own.
    preferences text NOT NULL,
    -- A JSON list of models' ids; null for no restriction, none when empty.
    enabled_models text,
    updated_at timestamptz NOT NULL
);

-- What people set about providers, and their keys there.
CREATE TABLE provider_keys (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider text NOT NULL,
    enabled boolean NOT NULL,
    -- Nonce and ciphertext, bound to user and provider. Null where no key was stored.
    ciphertext bytea,
    -- Names the key that it is encrypted under.
    key_id text,
    -- The last characters of the key, for its owner to know it by.
    last4 text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, provider),
    CHECK ((ciphertext IS NULL) = (key_id IS NULL) AND (ciphertext IS NULL) = (last4 IS NULL))
);

-- Finds what is still encrypted under another key.
CREATE INDEX provider_keys_key_id_user_id_provider_idx ON provider_keys (key_id, user_id, provider) WHERE key_id IS NOT NULL;
