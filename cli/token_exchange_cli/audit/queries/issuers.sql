-- Issuers and organizations whose tokens were verified.
SELECT issuer, organization, organization_id, count(*) AS exchanges,
  sum(CASE WHEN decision = 'granted' THEN 1 ELSE 0 END) AS granted, max(logged_at) AS last_at
FROM audit
WHERE issuer IS NOT NULL
GROUP BY issuer, organization, organization_id
ORDER BY issuer, organization, organization_id
