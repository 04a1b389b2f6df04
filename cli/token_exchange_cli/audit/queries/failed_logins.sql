-- Logins that were granted but could not be made, by registry and role.
SELECT failed_reason, registry, role_arn, grant_name, count(*) AS logins,
  min(logged_at) AS first_at, max(logged_at) AS last_at
FROM logins
WHERE failed_reason IS NOT NULL
GROUP BY failed_reason, registry, role_arn, grant_name
ORDER BY logins DESC, failed_reason, registry, role_arn, grant_name
