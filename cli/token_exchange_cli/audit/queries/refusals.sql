-- Refusals and failures by reason and by who was refused; without a verified token, no one is named.
SELECT reason, decision, issuer, organization, repository,
  count(*) AS exchanges, min(logged_at) AS first_at, max(logged_at) AS last_at
FROM audit
WHERE decision IN ('denied', 'rejected', 'failed')
GROUP BY reason, decision, issuer, organization, repository
ORDER BY exchanges DESC, reason, issuer, organization, repository
