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

-- What is inserted here is a message to be sent; nothing is kept of it but what the trigger writes. A statement of SQLite's can't write to several tables,
-- and sending is one step.
CREATE VIEW message_sends (
    organization_id, sender_id, key, request_digest, free_since, instance_id, chat_id, address, text, message_id, new_chat_id,
    chat_event_id, chat_payload, message_event_id, created_at, message_payload
) AS
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE 0;

CREATE TRIGGER message_sends_insert INSTEAD OF INSERT ON message_sends BEGIN
    -- The key is taken, if there is one and nothing speaks against sending. Every later step asks whether it was taken for this very message.
    INSERT INTO idempotency_keys (organization_id, sender_id, key, request_digest, message_id, created_at)
    SELECT new.organization_id, new.sender_id, new.key, new.request_digest, new.message_id, new.created_at
    WHERE new.key IS NOT NULL AND CASE
        WHEN new.chat_id IS NULL THEN NOT EXISTS (
            SELECT 1 FROM instances AS i WHERE i.id = new.instance_id AND i.organization_id <> new.organization_id
        )
        ELSE EXISTS (
            SELECT 1
            FROM chats AS c
            WHERE c.id = new.chat_id AND c.organization_id = new.organization_id AND c.instance_id = new.instance_id
        )
    END
    ON CONFLICT (organization_id, sender_id, key) DO UPDATE
    SET request_digest = excluded.request_digest, message_id = excluded.message_id, created_at = excluded.created_at
    WHERE idempotency_keys.created_at <= new.free_since;

    INSERT INTO instances (id, organization_id, created_at)
    SELECT new.instance_id, new.organization_id, new.created_at
    WHERE new.address IS NOT NULL AND (new.key IS NULL OR EXISTS (
        SELECT 1
        FROM idempotency_keys AS k
        WHERE k.organization_id = new.organization_id AND k.sender_id = new.sender_id AND k.key = new.key
          AND k.message_id = new.message_id
    ))
    ON CONFLICT (id) DO NOTHING;

    INSERT INTO chats (
        id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at,
        created_at, updated_at
    )
    SELECT
        new.new_chat_id, i.organization_id, i.id, new.address, new.address, 1, new.message_id, new.text, new.created_at,
        new.created_at, new.created_at
    FROM instances AS i
    WHERE i.id = new.instance_id AND i.organization_id = new.organization_id AND new.address IS NOT NULL AND (new.key IS NULL OR EXISTS (
        SELECT 1
        FROM idempotency_keys AS k
        WHERE k.organization_id = new.organization_id AND k.sender_id = new.sender_id AND k.key = new.key
          AND k.message_id = new.message_id
    ))
    ON CONFLICT (instance_id, address) DO UPDATE
    SET message_count = chats.message_count + 1,
        last_message_id = CASE WHEN chats.last_message_at > excluded.last_message_at THEN chats.last_message_id ELSE excluded.last_message_id END,
        last_message_text = CASE WHEN chats.last_message_at > excluded.last_message_at THEN chats.last_message_text ELSE excluded.last_message_text END,
        last_message_at = max(coalesce(chats.last_message_at, excluded.last_message_at), excluded.last_message_at),
        updated_at = max(chats.updated_at, excluded.updated_at);

    UPDATE chats
    SET message_count = chats.message_count + 1,
        last_message_id = CASE WHEN chats.last_message_at > new.created_at THEN chats.last_message_id ELSE new.message_id END,
        last_message_text = CASE WHEN chats.last_message_at > new.created_at THEN chats.last_message_text ELSE new.text END,
        last_message_at = max(coalesce(chats.last_message_at, new.created_at), new.created_at),
        updated_at = max(chats.updated_at, new.created_at)
    WHERE id = new.chat_id AND organization_id = new.organization_id AND instance_id = new.instance_id AND (new.key IS NULL OR EXISTS (
        SELECT 1
        FROM idempotency_keys AS k
        WHERE k.organization_id = new.organization_id AND k.sender_id = new.sender_id AND k.key = new.key
          AND k.message_id = new.message_id
    ));

    INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
    SELECT
        new.message_id, c.organization_id, c.instance_id, c.id, 'out', new.sender_id, new.text, 'sent', new.created_at
    FROM chats AS c
    WHERE c.id = coalesce(
        new.chat_id, (SELECT a.id FROM chats AS a WHERE a.instance_id = new.instance_id AND a.address = new.address)
    )
    AND c.organization_id = new.organization_id AND c.instance_id = new.instance_id AND (new.key IS NULL OR EXISTS (
        SELECT 1
        FROM idempotency_keys AS k
        WHERE k.organization_id = new.organization_id AND k.sender_id = new.sender_id AND k.key = new.key
          AND k.message_id = new.message_id
    ));

    INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
    SELECT new.chat_event_id, m.organization_id, m.instance_id, m.chat_id, 'chat.created', new.chat_payload, new.created_at
    FROM messages AS m
    WHERE m.id = new.message_id AND m.chat_id = new.new_chat_id;

    INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
    SELECT new.message_event_id, m.organization_id, m.instance_id, m.chat_id, 'message.sent', new.message_payload, new.created_at
    FROM messages AS m
    WHERE m.id = new.message_id;
END;
