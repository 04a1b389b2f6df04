-- Each grant that was used: how often, by how many CI repositories, and when last.
SELECT grant_name, registry, role_arn, access, count(*) AS logins,
  count(DISTINCT concat(issuer, ' ', coalesce(organization, ''), ' ', coalesce(repository, ''))) AS repositories,
  min(logged_at) AS first_at, max(logged_at) AS last_at
FROM logins
WHERE failed_reason IS NULL
GROUP BY grant_name, registry, role_arn, access
ORDER BY logins DESC, grant_name, registry, role_arn, access
