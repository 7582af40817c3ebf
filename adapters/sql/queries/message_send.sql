-- Sends a message in one step, or says why not. In order:
-- - what was sent under the key before (`prior`), and whether nothing speaks against sending (`granted`);
-- - the key is taken, if there is one. Of several at once the first takes it, and the others wait for the first, find it taken and write nothing ('contended': asked again, they
--   find what was sent);
-- - instance, chat, message and events. Should somebody else name the new instance at this moment, the second of them fails as a whole and is asked again.
WITH prior AS (
    SELECT k.request_digest, k.message_id
    FROM idempotency_keys AS k
    WHERE k.organization_id = $1 AND k.sender_id = $2 AND k.key = $3 AND k.created_at > $5
),
known AS (
    SELECT i.organization_id FROM instances AS i WHERE i.id = $6
),
granted AS (
    SELECT NOT EXISTS (SELECT FROM known) AS begins_instance
    WHERE NOT EXISTS (SELECT FROM prior)
      AND CASE
          WHEN $7::uuid IS NULL THEN NOT EXISTS (SELECT FROM known WHERE known.organization_id <> $1)
          ELSE EXISTS (SELECT FROM chats AS c WHERE c.id = $7 AND c.organization_id = $1 AND c.instance_id = $6)
      END
),
taken AS (
    INSERT INTO idempotency_keys AS k (organization_id, sender_id, key, request_digest, message_id, created_at)
    SELECT $1, $2, $3, $4::bytea, $10::uuid, $15::timestamptz
    FROM granted
    WHERE $3 IS NOT NULL
    ON CONFLICT (organization_id, sender_id, key) DO UPDATE
    SET request_digest = excluded.request_digest, message_id = excluded.message_id, created_at = excluded.created_at
    WHERE k.created_at <= $5
    RETURNING k.message_id
),
free AS (
    SELECT g.begins_instance FROM granted AS g WHERE $3 IS NULL OR EXISTS (SELECT FROM taken)
),
instance AS (
    INSERT INTO instances (id, organization_id, created_at)
    SELECT $6, $1, $15::timestamptz FROM free WHERE free.begins_instance
),
addressed AS (
    INSERT INTO chats AS c (
        id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at,
        created_at, updated_at
    )
    SELECT
        $11::uuid, $1, $6, $8::text, $8::text, 1, $10::uuid, $9::text, $15::timestamptz, $15::timestamptz, $15::timestamptz
    FROM free
    WHERE $8::text IS NOT NULL
    ON CONFLICT (instance_id, address) DO UPDATE
    SET message_count = c.message_count + 1,
        last_message_id = CASE WHEN c.last_message_at > excluded.last_message_at THEN c.last_message_id ELSE excluded.last_message_id END,
        last_message_text = CASE WHEN c.last_message_at > excluded.last_message_at THEN c.last_message_text ELSE excluded.last_message_text END,
        last_message_at = greatest(c.last_message_at, excluded.last_message_at),
        updated_at = greatest(c.updated_at, excluded.updated_at)
    RETURNING c.id
),
named AS (
    UPDATE chats AS c
    SET message_count = c.message_count + 1,
        last_message_id = CASE WHEN c.last_message_at > $15 THEN c.last_message_id ELSE $10::uuid END,
        last_message_text = CASE WHEN c.last_message_at > $15 THEN c.last_message_text ELSE $9::text END,
        last_message_at = greatest(c.last_message_at, $15),
        updated_at = greatest(c.updated_at, $15)
    FROM free
    WHERE c.id = $7 AND c.organization_id = $1 AND c.instance_id = $6
    RETURNING c.id
),
sent AS (
    INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
    SELECT $10::uuid, $1, $6, c.id, 'out', $2::text, $9::text, 'sent', $15::timestamptz
    FROM (SELECT addressed.id FROM addressed UNION ALL SELECT named.id FROM named) AS c
    RETURNING id, chat_id, created_at
),
told AS (
    INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
    SELECT e.id, $1, $6, sent.chat_id, e.type, e.payload, $15::timestamptz
    FROM sent
    CROSS JOIN (VALUES ($12::uuid, 'chat.created', $13::text), ($14::uuid, 'message.sent', $16::text)) AS e (id, type, payload)
    WHERE e.type <> 'chat.created' OR sent.chat_id = $11
),
shown AS (
    SELECT s.id, s.chat_id, s.created_at, 'sent' AS outcome FROM sent AS s
    UNION ALL
    SELECT m.id, m.chat_id, m.created_at, CASE WHEN prior.request_digest = $4 THEN 'repeated' ELSE 'key_reused' END
    FROM prior
    JOIN messages AS m ON m.id = prior.message_id AND m.organization_id = $1
)
SELECT
    CASE
        WHEN shown.outcome IS NOT NULL THEN shown.outcome
        WHEN EXISTS (SELECT FROM granted) THEN 'contended'
        WHEN $7 IS NULL THEN 'unknown_instance'
        ELSE 'unknown_chat'
    END,
    shown.id, shown.chat_id, shown.created_at
FROM (SELECT 1) AS one
LEFT JOIN shown ON true
