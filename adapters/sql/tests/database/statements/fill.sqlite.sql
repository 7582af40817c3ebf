-- Ten thousand rows a table and more, a tenth of them one owner's: what is cheap only for small owners shows. `o` is a row's owner of ten thousand.
CREATE TEMP TABLE numbers AS
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 40000)
SELECT n, CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + n % 10000 END AS o, printf('-0000-4000-8000-%012x', n) AS id,
       printf('-0000-4000-8000-%012x', CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + n % 10000 END) AS owner
FROM counted;

INSERT INTO organizations (id, created_at) SELECT '00000001' || id, n FROM numbers WHERE n <= 10000;
INSERT INTO users (id, organization_id, email, role, password_hash, created_at, updated_at)
SELECT '00000002' || id, '00000001' || owner, 'u' || n || '@example.com', 'member', 'h' || n, n, n FROM numbers WHERE n <= 10000;
INSERT INTO sessions (id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at)
SELECT '00000003' || id, '00000002' || owner, 0, CAST('d' || n AS BLOB), n, n, n + 1000 FROM numbers WHERE n <= 20000;
INSERT INTO identities (provider, subject, user_id, linked_at)
SELECT 'github', 'g' || n, '00000002' || id, n FROM numbers WHERE n <= 10000;
INSERT INTO used_states (digest, expires_at) SELECT CAST('x' || n AS BLOB), n FROM numbers WHERE n <= 10000;
INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
SELECT '00000004' || id, '00000001' || owner, '00000002' || owner, 'k' || n, 'pk_fake', CAST('k' || n AS BLOB), '', n FROM numbers WHERE n <= 20000;
INSERT INTO api_key_usage (key_id, day, uses, last_at) SELECT '00000004' || id, n % 20, n, n FROM numbers WHERE n <= 20000;
INSERT INTO usage_batches (id, added_at) SELECT '00000005' || id, n FROM numbers WHERE n <= 10000;
INSERT INTO cache_experiments (id, prefix, name, arms, started_at, ended_at)
SELECT '00000006' || id, 'api-key', 'e' || n, '[]', n, n + 1 FROM numbers WHERE n <= 10000;
INSERT INTO cache_experiment_results (
    experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
)
SELECT '00000006' || id, 'a', '00000007' || id, 1, 1, 1, 0, 1.0, 1.0, 1.0, 1.0, n FROM numbers WHERE n <= 10000;

INSERT INTO models (
    id, place, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
)
SELECT 'm' || n, '00000008' || id, 'p' || (o % 100), 'M' || n, 1000, 1, 1, 'chat tools', n % 2 = 0, n % 3 = 0, n FROM numbers WHERE n <= 10000;
INSERT INTO model_capabilities (model_id, capability, provider, released_at, place)
SELECT id, 'chat', provider, released_at, place FROM models
UNION ALL SELECT id, 'tools', provider, released_at, place FROM models;
INSERT INTO model_catalogue (source, digest, stored_at) VALUES ('imported', 'none', 0);
INSERT INTO user_settings (user_id, preferences, enabled_models, updated_at)
SELECT '00000002' || id, '{}', '["m' || n || '"]', n FROM numbers WHERE n <= 10000;
INSERT INTO provider_keys (user_id, provider, enabled, ciphertext, key_id, last4, updated_at)
SELECT '00000002' || id, 'p1', 1, CAST('c' || n AS BLOB), 'k' || n % 2, 'last', n FROM numbers WHERE n <= 10000;
INSERT INTO settings (key, id, value, created_at, updated_at) SELECT 's' || n, '00000009' || id, '1', n, n FROM numbers WHERE n <= 10000;

INSERT INTO instances (id, organization_id, created_at) SELECT '0000000a' || id, '00000001' || owner, n FROM numbers WHERE n <= 10000;
-- Of the first instance are a tenth of the chats, of the first chat a tenth of the messages.
INSERT INTO chats (
    id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at, created_at, updated_at
)
SELECT '0000000b' || s.id, i.organization_id, i.id, 'a' || s.n, 'c' || s.n, 1, '0000000c' || s.id, 'last', s.n, s.n, s.n
FROM numbers AS s
JOIN instances AS i ON i.id = '0000000a' || s.owner
WHERE s.n <= 20000;
INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
SELECT '0000000c' || s.id, c.organization_id, c.instance_id, c.id, 'in', 's' || s.n,
       'all of word' || s.n % 5000 || ' with some' || s.n % 100 || ' and more', 'sent', s.n
FROM numbers AS s
JOIN chats AS c ON c.id = '0000000b' || s.owner;
INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
SELECT '0000000d' || s.id, c.organization_id, c.instance_id, c.id, CASE WHEN s.n % 10 = 0 THEN 'chat.created' ELSE 'message.sent' END, '{}', s.n
FROM numbers AS s
JOIN chats AS c ON c.id = '0000000b' || s.owner;
INSERT INTO idempotency_keys (organization_id, sender_id, key, request_digest, message_id, created_at)
SELECT '00000001' || owner, '00000002' || id, 'i' || n, CAST('r' || n AS BLOB), '0000000c' || id, n FROM numbers WHERE n <= 10000;

INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
SELECT '0000000e' || id, 'isbn' || n, 'The title' || n % 5000 || ' of it', 'author' || o % 1000, 'About topic' || n % 100 || ' and all else', n, n, n
FROM numbers WHERE n <= 20000;
INSERT INTO orders (id, user_id, item_count, total_quantity, total_cents, created_at)
SELECT '0000000f' || id, '00000002' || owner, 2, 2, 2, n FROM numbers WHERE n <= 20000;
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT '0000000f' || id, 0, '0000000e' || id, 't', 'a', 1, 1 FROM numbers WHERE n <= 20000
UNION ALL SELECT '0000000f' || id, 1, '0000000e' || id, 't', 'a', 1, 1 FROM numbers WHERE n <= 20000;
ANALYZE;
