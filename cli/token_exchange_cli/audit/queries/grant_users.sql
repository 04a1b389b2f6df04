-- Who uses each grant: how often, and when last.
SELECT grant_name, issuer, organization, repository, count(*) AS logins, max(logged_at) AS last_at
FROM logins
WHERE failed_reason IS NULL
GROUP BY grant_name, issuer, organization, repository
ORDER BY grant_name, logins DESC, issuer, organization, repository
