-- Chats, their messages, and what happened in them.

-- The places that messages are sent from. One belongs to the organization that first named it.
CREATE TABLE instances (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    created_at timestamptz NOT NULL
);

CREATE INDEX instances_organization_id_created_at_id_idx ON instances (organization_id, created_at, id);

CREATE TABLE chats (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    instance_id uuid NOT NULL REFERENCES instances (id),
    -- Whom it is with.
    address text NOT NULL,
    title text NOT NULL,
    -- Kept with each message, so that nothing is counted to show it.
    message_count bigint NOT NULL,
    -- The latest message, kept with each message, so that a list of chats reads no messages.
    last_message_id uuid,
    last_message_text text,
    last_message_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT chats_instance_id_address_key UNIQUE (instance_id, address),
    CHECK ((last_message_id IS NULL) = (last_message_at IS NULL) AND (last_message_id IS NULL) = (last_message_text IS NULL))
)
-- Room on each page lets a message update its chat in place, without touching an index.
WITH (fillfactor = 80);

-- Lists an organization's chats.
CREATE INDEX chats_organization_id_created_at_id_idx ON chats (organization_id, created_at, id);
-- Lists an instance's chats.
CREATE INDEX chats_instance_id_created_at_id_idx ON chats (instance_id, created_at, id);

-- A text with blanks for what is neither letter nor digit: what of a text is a word is then the same whatever the database's locale takes for a letter, for its
-- parser's special words (addresses, paths, numbers with a sign), and for SQLite. ASCII's marks and the usual ones beyond, which the program knows too.
CREATE FUNCTION words_of(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN translate($1, U&'\0021\0022\0023\0024\0025\0026\0027\0028\0029\002A\002B\002C\002D\002E\002F\003A\003B\003C\003D\003E\003F\0040\005B\005C\005D\005E\005F\0060\007B\007C\007D\007E\00A0\00A1\00A7\00AB\00B7\00BB\00BF\2010\2011\2012\2013\2014\2015\2018\2019\201A\201C\201D\201E\2020\2021\2022\2026\2030\2039\203A\20AC\3001\3002\300C\300D\300E\300F\FF01\FF08\FF09\FF0C\FF0E\FF1A\FF1B\FF1F', repeat(' ', 73));

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    instance_id uuid NOT NULL REFERENCES instances (id),
    chat_id uuid NOT NULL REFERENCES chats (id),
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    sender text NOT NULL,
    text text NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    -- The words, and whose they are: an index of both finds an organization's messages without reading another's. What it finds is still compared with
    -- the columns, so that no text can claim to be another's.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple', words_of(text))
        || array_to_tsvector(ARRAY['o:' || organization_id::text, 'i:' || instance_id::text])
    ) STORED
);

-- Lists a chat's messages.
CREATE INDEX messages_chat_id_created_at_id_idx ON messages (chat_id, created_at, id);
CREATE INDEX messages_search_idx ON messages USING gin (search);
-- Finds an organization's newest messages, where a search is for words so common that the index of words would give too many.
CREATE INDEX messages_organization_id_id_idx ON messages (organization_id, id);

CREATE TABLE events (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    instance_id uuid NOT NULL REFERENCES instances (id),
    chat_id uuid NOT NULL REFERENCES chats (id),
    type text NOT NULL,
    -- A JSON object.
    payload text NOT NULL,
    created_at timestamptz NOT NULL
);

-- List them: an organization's, an instance's, a chat's; of one type or of all.
CREATE INDEX events_organization_id_created_at_id_idx ON events (organization_id, created_at, id);
CREATE INDEX events_organization_id_type_created_at_id_idx ON events (organization_id, type, created_at, id);
CREATE INDEX events_instance_id_created_at_id_idx ON events (instance_id, created_at, id);
CREATE INDEX events_instance_id_type_created_at_id_idx ON events (instance_id, type, created_at, id);
CREATE INDEX events_chat_id_created_at_id_idx ON events (chat_id, created_at, id);
CREATE INDEX events_chat_id_type_created_at_id_idx ON events (chat_id, type, created_at, id);

-- What was sent under an idempotency key, so that a repeat is answered and not sent.
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    -- The person or the API key that sent it.
    sender_id uuid NOT NULL,
    key text NOT NULL,
    -- SHA-256 of what was asked.
    request_digest bytea NOT NULL,
    message_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, sender_id, key)
);

-- Finds what to purge.
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
