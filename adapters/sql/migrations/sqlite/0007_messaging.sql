-- Chats, their messages, and what happened in them.

-- The places that messages are sent from. One belongs to the organization that first named it.
CREATE TABLE instances (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX instances_organization_id_created_at_id_idx ON instances (organization_id, created_at, id);

CREATE TABLE chats (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    -- Whom it is with.
    address TEXT NOT NULL,
    title TEXT NOT NULL,
    -- Kept with each message, so that nothing is counted to show it.
    message_count INTEGER NOT NULL,
    -- The latest message, kept with each message, so that a list of chats reads no messages.
    last_message_id TEXT,
    last_message_text TEXT,
    last_message_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT chats_instance_id_address_key UNIQUE (instance_id, address),
    CHECK ((last_message_id IS NULL) = (last_message_at IS NULL) AND (last_message_id IS NULL) = (last_message_text IS NULL))
) STRICT;

-- Lists an organization's chats.
CREATE INDEX chats_organization_id_created_at_id_idx ON chats (organization_id, created_at, id);
-- Lists an instance's chats.
CREATE INDEX chats_instance_id_created_at_id_idx ON chats (instance_id, created_at, id);

CREATE TABLE messages (
    -- What the search's index knows it by; never changes, unlike a hidden row id.
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Lists a chat's messages.
CREATE INDEX messages_chat_id_created_at_id_idx ON messages (chat_id, created_at, id);

-- The words, and whose they are: an index of both finds an organization's messages without reading another's. It keeps no text of its own.
CREATE VIRTUAL TABLE messages_search USING fts5 (
    text, owner, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER messages_search_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_search (rowid, text, owner)
    VALUES (new.number, new.text, 'o' || replace(new.organization_id, '-', '') || ' i' || replace(new.instance_id, '-', ''));
END;

CREATE TRIGGER messages_search_delete AFTER DELETE ON messages BEGIN
    DELETE FROM messages_search WHERE rowid = old.number;
END;

CREATE TRIGGER messages_search_update AFTER UPDATE OF text, organization_id, instance_id ON messages BEGIN
    DELETE FROM messages_search WHERE rowid = old.number;
    INSERT INTO messages_search (rowid, text, owner)
    VALUES (new.number, new.text, 'o' || replace(new.organization_id, '-', '') || ' i' || replace(new.instance_id, '-', ''));
END;

CREATE TABLE events (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    type TEXT NOT NULL,
    -- A JSON object.
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- List them: an organization's, an instance's, a chat's; of one type or of all.
CREATE INDEX events_organization_id_created_at_id_idx ON events (organization_id, created_at, id);
CREATE INDEX events_organization_id_type_created_at_id_idx ON events (organization_id, type, created_at, id);
CREATE INDEX events_instance_id_created_at_id_idx ON events (instance_id, created_at, id);
CREATE INDEX events_instance_id_type_created_at_id_idx ON events (instance_id, type, created_at, id);
CREATE INDEX events_chat_id_created_at_id_idx ON events (chat_id, created_at, id);
CREATE INDEX events_chat_id_type_created_at_id_idx ON events (chat_id, type, created_at, id);

-- What was sent under an idempotency key, so that a repeat is answered and not sent.
CREATE TABLE idempotency_keys (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    -- The person or the API key that sent it.
    sender_id TEXT NOT NULL,
    key TEXT NOT NULL,
    -- SHA-256 of what was asked.
    request_digest BLOB NOT NULL,
    message_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, sender_id, key)
) STRICT;

-- Finds what to purge.
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
