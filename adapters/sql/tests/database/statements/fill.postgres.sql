-- Ten thousand rows a table and more, a tenth of them one owner's: what is cheap only for small owners shows.
CREATE FUNCTION pg_temp.id(kind int, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
AS $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
-- The owner of row `n`, of so many.
CREATE FUNCTION pg_temp.owner(n bigint, owners bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
AS $$ SELECT CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + n % owners END $$;

INSERT INTO organizations (id, created_at) SELECT pg_temp.id(1, n), to_timestamp(n) FROM generate_series(1, 10000) AS n;
INSERT INTO users (id, organization_id, email, role, password_hash, created_at, updated_at)
SELECT pg_temp.id(2, n), pg_temp.id(1, pg_temp.owner(n, 10000)), 'u' || n || '@example.com', 'member', 'h' || n, to_timestamp(n), to_timestamp(n)
FROM generate_series(1, 10000) AS n;
INSERT INTO sessions (id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at)
SELECT pg_temp.id(3, n), pg_temp.id(2, pg_temp.owner(n, 10000)), 0, decode(md5('d' || n), 'hex'), to_timestamp(n), to_timestamp(n), to_timestamp(n + 1000)
FROM generate_series(1, 20000) AS n;
INSERT INTO identities (provider, subject, user_id, linked_at)
SELECT 'github', n::text, pg_temp.id(2, n), to_timestamp(n) FROM generate_series(1, 10000) AS n;
INSERT INTO used_states (digest, expires_at) SELECT decode(md5('x' || n), 'hex'), to_timestamp(n) FROM generate_series(1, 10000) AS n;
INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
SELECT pg_temp.id(4, n), pg_temp.id(1, pg_temp.owner(n, 10000)), pg_temp.id(2, pg_temp.owner(n, 10000)), 'k' || n, 'pk_fake',
       decode(md5('k' || n), 'hex'), '', to_timestamp(n)
FROM generate_series(1, 20000) AS n;
INSERT INTO api_key_usage (key_id, day, uses, last_at)
SELECT pg_temp.id(4, n), day, n, to_timestamp(day * 86400) FROM generate_series(1, 5000) AS n, generate_series(1, 20) AS day;
INSERT INTO usage_batches (id, added_at) SELECT pg_temp.id(5, n), to_timestamp(n) FROM generate_series(1, 10000) AS n;
INSERT INTO cache_experiments (id, prefix, name, arms, started_at, ended_at)
SELECT pg_temp.id(6, n), 'api-key', 'e' || n, '[]', to_timestamp(n), to_timestamp(n + 1) FROM generate_series(1, 10000) AS n;
INSERT INTO cache_experiment_results (
    experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
)
SELECT pg_temp.id(6, n), arm, pg_temp.id(7, n), 1, 1, 1, 0, 1, 1, 1, 1, to_timestamp(n)
FROM generate_series(1, 10000) AS n, unnest(ARRAY['a', 'b']) AS arm;

INSERT INTO models (
    id, place, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
)
SELECT 'm' || n, pg_temp.id(8, n), 'p' || pg_temp.owner(n, 100), 'M' || n, 1000, 1, 1, 'chat tools', n % 2 = 0, n % 3 = 0, to_timestamp(n)
FROM generate_series(1, 10000) AS n;
INSERT INTO model_capabilities (model_id, capability, provider, released_at, place)
SELECT id, capability, provider, released_at, place FROM models, unnest(ARRAY['chat', 'tools']) AS capability;
INSERT INTO model_catalogue (source, digest, stored_at) VALUES ('imported', 'none', to_timestamp(0));
INSERT INTO user_settings (user_id, preferences, enabled_models, updated_at)
SELECT pg_temp.id(2, n), '{}', '["m' || n || '"]', to_timestamp(n) FROM generate_series(1, 10000) AS n;
INSERT INTO provider_keys (user_id, provider, enabled, ciphertext, key_id, last4, updated_at)
SELECT pg_temp.id(2, n), 'p' || provider, true, decode(md5('c' || n), 'hex'), 'k' || n % 2, 'last', to_timestamp(n)
FROM generate_series(1, 10000) AS n, generate_series(1, 2) AS provider;
INSERT INTO settings (key, id, value, created_at, updated_at)
SELECT 's' || n, pg_temp.id(9, n), '1', to_timestamp(n), to_timestamp(n) FROM generate_series(1, 10000) AS n;

INSERT INTO instances (id, organization_id, created_at)
SELECT pg_temp.id(10, n), pg_temp.id(1, pg_temp.owner(n, 10000)), to_timestamp(n) FROM generate_series(1, 10000) AS n;
-- Of the first instance are a tenth of the chats, of the first chat a tenth of the messages.
INSERT INTO chats (
    id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at, created_at, updated_at
)
SELECT pg_temp.id(11, n), i.organization_id, i.id, 'a' || n, 'c' || n, 1, pg_temp.id(12, n), 'last', to_timestamp(n), to_timestamp(n), to_timestamp(n)
FROM generate_series(1, 20000) AS n
JOIN instances AS i ON i.id = pg_temp.id(10, pg_temp.owner(n, 10000));
INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
SELECT pg_temp.id(12, n), c.organization_id, c.instance_id, c.id, 'in', 's' || n,
       'all of word' || n % 5000 || ' with some' || n % 100 || ' and more', 'sent', to_timestamp(n)
FROM generate_series(1, 40000) AS n
JOIN chats AS c ON c.id = pg_temp.id(11, pg_temp.owner(n, 20000));
INSERT INTO events (id, organization_id, instance_id, chat_id, type, payload, created_at)
SELECT pg_temp.id(13, n), c.organization_id, c.instance_id, c.id, CASE WHEN n % 10 = 0 THEN 'chat.created' ELSE 'message.sent' END, '{}', to_timestamp(n)
FROM generate_series(1, 40000) AS n
JOIN chats AS c ON c.id = pg_temp.id(11, pg_temp.owner(n, 20000));
INSERT INTO idempotency_keys (organization_id, sender_id, key, request_digest, message_id, created_at)
SELECT pg_temp.id(1, pg_temp.owner(n, 10000)), pg_temp.id(2, n), 'i' || n, decode(md5('r' || n), 'hex'), pg_temp.id(12, n), to_timestamp(n)
FROM generate_series(1, 10000) AS n;

INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
SELECT pg_temp.id(14, n), 'isbn' || n, 'The title' || n % 5000 || ' of it', 'author' || pg_temp.owner(n, 100), 'About topic' || n % 100 || ' and all else', n,
       to_timestamp(n), to_timestamp(n)
FROM generate_series(1, 20000) AS n;
INSERT INTO orders (id, user_id, item_count, total_quantity, total_cents, created_at)
SELECT pg_temp.id(15, n), pg_temp.id(2, pg_temp.owner(n, 10000)), 2, 2, 2, to_timestamp(n) FROM generate_series(1, 20000) AS n;
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT pg_temp.id(15, n), position, pg_temp.id(14, n), 't', 'a', 1, 1 FROM generate_series(1, 20000) AS n, generate_series(0, 1) AS position;
VACUUM ANALYZE;
