-- Sends a message in one step, or says why not. What is to be written is decided by the view's trigger (migration 0007), which has run when this reads what has become of it.
INSERT INTO message_sends (
    organization_id, sender_id, key, request_digest, free_since, instance_id, chat_id, address, text, message_id, new_chat_id,
    chat_event_id, chat_payload, message_event_id, created_at, message_payload
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
RETURNING
    CASE
        WHEN EXISTS (SELECT 1 FROM messages AS m WHERE m.id = message_sends.message_id) THEN 'sent'
        ELSE coalesce(
            (
                SELECT CASE WHEN k.request_digest = message_sends.request_digest THEN 'repeated' ELSE 'key_reused' END
                FROM idempotency_keys AS k
                WHERE k.organization_id = message_sends.organization_id AND k.sender_id = message_sends.sender_id
                  AND k.key = message_sends.key AND k.created_at > message_sends.free_since
            ),
            CASE WHEN message_sends.chat_id IS NULL THEN 'unknown_instance' ELSE 'unknown_chat' END
        )
    END,
    (
        SELECT m.id FROM messages AS m WHERE m.id = coalesce(
            (
                SELECT k.message_id
                FROM idempotency_keys AS k
                WHERE k.organization_id = message_sends.organization_id AND k.sender_id = message_sends.sender_id
                  AND k.key = message_sends.key AND k.created_at > message_sends.free_since
            ),
            message_sends.message_id
        )
    ),
    (
        SELECT m.chat_id FROM messages AS m WHERE m.id = coalesce(
            (
                SELECT k.message_id
                FROM idempotency_keys AS k
                WHERE k.organization_id = message_sends.organization_id AND k.sender_id = message_sends.sender_id
                  AND k.key = message_sends.key AND k.created_at > message_sends.free_since
            ),
            message_sends.message_id
        )
    ),
    (
        SELECT m.created_at FROM messages AS m WHERE m.id = coalesce(
            (
                SELECT k.message_id
                FROM idempotency_keys AS k
                WHERE k.organization_id = message_sends.organization_id AND k.sender_id = message_sends.sender_id
                  AND k.key = message_sends.key AND k.created_at > message_sends.free_since
            ),
            message_sends.message_id
        )
    )
