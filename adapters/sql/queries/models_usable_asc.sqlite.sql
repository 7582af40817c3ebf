-- Lists the models that a person may use after a place, oldest first: without a choice of theirs, those that are hosted and those of the providers whose keys they
-- have, each as many as the page needs from the index that has them in order; with one, what of it they may use.
SELECT
    m.id, m.provider, m.name, m.context_window, m.input_cents_per_mtok, m.output_cents_per_mtok, m.capabilities, m.enabled, m.hosted,
    m.released_at
FROM (
    SELECT hosted.id
    FROM (
        SELECT h.id
        FROM models AS h
        WHERE h.enabled AND h.hosted AND (h.released_at, h.place) > ($2, $3)
          AND NOT EXISTS (SELECT 1 FROM user_settings AS s WHERE s.user_id = $1 AND s.enabled_models IS NOT NULL)
        ORDER BY h.released_at ASC, h.place ASC
        LIMIT $4
    ) AS hosted
    UNION ALL
    SELECT own.id
    FROM provider_keys AS k
    JOIN models AS own ON own.id IN (
        SELECT p.id
        FROM models AS p
        WHERE p.provider = k.provider AND p.enabled AND NOT p.hosted AND (p.released_at, p.place) > ($2, $3)
        ORDER BY p.released_at ASC, p.place ASC
        LIMIT $4
    )
    WHERE k.user_id = $1 AND k.enabled AND k.ciphertext IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM user_settings AS s WHERE s.user_id = $1 AND s.enabled_models IS NOT NULL)
    UNION ALL
    SELECT p.id
    FROM (
        SELECT DISTINCT c.value AS id
        FROM user_settings AS s
        CROSS JOIN json_each(s.enabled_models) AS c
        WHERE s.user_id = $1
    ) AS chosen
    CROSS JOIN models AS p
    WHERE p.id = chosen.id AND p.enabled AND (p.released_at, p.place) > ($2, $3)
      AND (
          p.hosted
          OR EXISTS (
              SELECT 1 FROM provider_keys AS k
              WHERE k.user_id = $1 AND k.provider = p.provider AND k.enabled AND k.ciphertext IS NOT NULL
          )
      )
) AS u
CROSS JOIN models AS m
WHERE m.id = u.id
ORDER BY m.released_at ASC, m.place ASC
LIMIT $4
