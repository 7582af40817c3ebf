-- Lists an organization's events of a type after a place and since a moment, newest first.
SELECT id, type, chat_id, payload, created_at, instance_id
FROM events
WHERE organization_id = $1 AND type = $2 AND (created_at, id) < ($3, $4) AND created_at >= $5
ORDER BY created_at DESC, id DESC
LIMIT $6
