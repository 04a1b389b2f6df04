-- Deny rules that refused requests, with the callers.
SELECT deny_rule, issuer, organization, repository, count(*) AS exchanges, max(logged_at) AS last_at
FROM audit
WHERE deny_rule IS NOT NULL
GROUP BY deny_rule, issuer, organization, repository
ORDER BY deny_rule, exchanges DESC, issuer, organization, repository
