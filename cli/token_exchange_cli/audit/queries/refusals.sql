-- Refusals and failures by reason and caller; the caller is known only with a verified token.
SELECT reason, decision, issuer, organization, repository,
  count(*) AS exchanges, min(logged_at) AS first_at, max(logged_at) AS last_at
FROM audit
WHERE decision IN ('denied', 'rejected', 'failed')
GROUP BY reason, decision, issuer, organization, repository
ORDER BY exchanges DESC, reason, issuer, organization, repository
