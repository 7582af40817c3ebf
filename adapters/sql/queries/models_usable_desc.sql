-- Lists the models that a person may use after a place, newest first: without a choice of theirs, those that are hosted and those of the providers whose keys they
-- have, each as many as the page needs from the index that has them in order; with one, what of it they may use.
SELECT
    u.id, u.provider, u.name, u.context_window, u.input_cents_per_mtok, u.output_cents_per_mtok, u.capabilities, u.enabled, u.hosted,
    u.released_at
FROM (
    (
        SELECT
            m.id, m.provider, m.name, m.context_window, m.input_cents_per_mtok, m.output_cents_per_mtok, m.capabilities, m.enabled, m.hosted,
            m.released_at, m.place
        FROM models AS m
        WHERE m.enabled AND m.hosted AND (m.released_at, m.place) < ($2, $3)
          AND NOT EXISTS (SELECT 1 FROM user_settings AS s WHERE s.user_id = $1 AND s.enabled_models IS NOT NULL)
        ORDER BY m.released_at DESC, m.place DESC
        LIMIT $4
    )
    UNION ALL
    SELECT
        m.id, m.provider, m.name, m.context_window, m.input_cents_per_mtok, m.output_cents_per_mtok, m.capabilities, m.enabled, m.hosted,
        m.released_at, m.place
    FROM provider_keys AS k
    CROSS JOIN LATERAL (
        SELECT
            p.id, p.provider, p.name, p.context_window, p.input_cents_per_mtok, p.output_cents_per_mtok, p.capabilities, p.enabled, p.hosted,
            p.released_at, p.place
        FROM models AS p
        WHERE p.provider = k.provider AND p.enabled AND NOT p.hosted AND (p.released_at, p.place) < ($2, $3)
        ORDER BY p.released_at DESC, p.place DESC
        LIMIT $4
    ) AS m
    WHERE k.user_id = $1 AND k.enabled AND k.ciphertext IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM user_settings AS s WHERE s.user_id = $1 AND s.enabled_models IS NOT NULL)
    UNION ALL
    SELECT
        m.id, m.provider, m.name, m.context_window, m.input_cents_per_mtok, m.output_cents_per_mtok, m.capabilities, m.enabled, m.hosted,
        m.released_at, m.place
    FROM (
        SELECT DISTINCT c.id
        FROM user_settings AS s
        CROSS JOIN LATERAL jsonb_array_elements_text(s.enabled_models::jsonb) AS c (id)
        WHERE s.user_id = $1
    ) AS chosen
    CROSS JOIN LATERAL (
        SELECT
            p.id, p.provider, p.name, p.context_window, p.input_cents_per_mtok, p.output_cents_per_mtok, p.capabilities, p.enabled, p.hosted,
            p.released_at, p.place
        FROM models AS p
        WHERE p.id = chosen.id
        LIMIT 1
    ) AS m
    WHERE m.enabled AND (m.released_at, m.place) < ($2, $3)
      AND (
          m.hosted
          OR EXISTS (
              SELECT 1 FROM provider_keys AS k
              WHERE k.user_id = $1 AND k.provider = m.provider AND k.enabled AND k.ciphertext IS NOT NULL
          )
      )
) AS u
ORDER BY u.released_at DESC, u.place DESC
LIMIT $4
