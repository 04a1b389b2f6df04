-- The values of each grant's callers, for the names that a narrower grant could require; null if one has none.
SELECT grant_name, name, value, count(*) AS logins
FROM (
  SELECT grant_name, 'repository_id' AS name, repository_id AS value FROM logins
  UNION ALL SELECT grant_name, 'repository', repository FROM logins
  UNION ALL SELECT grant_name, 'branch', branch FROM logins
  UNION ALL SELECT grant_name, 'tag', tag FROM logins
  UNION ALL SELECT grant_name, 'environment', environment FROM logins
  UNION ALL SELECT grant_name, 'event', event FROM logins
  UNION ALL SELECT grant_name, 'workflow', workflow FROM logins
  UNION ALL SELECT grant_name, 'organization', organization FROM logins
  UNION ALL SELECT grant_name, 'organization_id', organization_id FROM logins
) AS named
GROUP BY grant_name, name, value
ORDER BY grant_name, name, logins DESC, value
