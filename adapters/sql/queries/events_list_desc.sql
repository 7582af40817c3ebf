-- Lists an organization's events after a place and since a moment, newest first.
SELECT id, type, chat_id, payload, created_at, instance_id
FROM events
WHERE organization_id = $1 AND (created_at, id) < ($2, $3) AND created_at >= $4
ORDER BY created_at DESC, id DESC
LIMIT $5
