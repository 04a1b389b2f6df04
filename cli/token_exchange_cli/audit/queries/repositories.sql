-- The CI repositories that exchange most, and how often each was refused.
SELECT issuer, organization, repository, count(*) AS exchanges,
  sum(CASE WHEN decision = 'granted' THEN 1 ELSE 0 END) AS granted,
  sum(CASE WHEN decision = 'denied' THEN 1 ELSE 0 END) AS denied,
  sum(CASE WHEN decision = 'failed' THEN 1 ELSE 0 END) AS failed,
  max(logged_at) AS last_at
FROM audit
WHERE verified AND decision IS DISTINCT FROM 'explained'
GROUP BY issuer, organization, repository
ORDER BY exchanges DESC, issuer, organization, repository
