-- Writes a batch's events. What is there already stays as it is; an event whose chat is not there is passed over.
INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
SELECT r.value ->> '$.id', r.value ->> '$.organization_id', r.value ->> '$.instance_id', r.value ->> '$.chat_id', r.value ->> '$.type', r.value ->> '$.payload', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM chats AS t WHERE t.id = r.value ->> '$.chat_id') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
