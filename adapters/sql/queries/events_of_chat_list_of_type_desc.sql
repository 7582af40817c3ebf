-- Lists the events of a type of an organization's chat after a place and since a moment, newest first. Another's chat is none, whose events are not read.
SELECT id, type, chat_id, payload, created_at, instance_id
FROM events
WHERE chat_id = (SELECT c.id FROM chats AS c WHERE c.id = $2 AND c.organization_id = $1) AND organization_id = $1
    AND type = $3 AND (created_at, id) < ($4, $5) AND created_at >= $6
ORDER BY created_at DESC, id DESC
LIMIT $7
