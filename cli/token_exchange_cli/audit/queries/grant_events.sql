-- What the sessions of each grant did in ECR, and how long after the login; null if a time is missing.
SELECT logins.grant_name, trail.event_name, trail.ecr_repository, count(*) AS events,
  CASE WHEN count(*) = count(date_diff('second', logins.logged_at, trail.event_time))
    THEN min(date_diff('second', logins.logged_at, trail.event_time)) END AS earliest_seconds,
  max(date_diff('second', logins.logged_at, trail.event_time)) AS latest_seconds
FROM logins
JOIN trail ON trail.caller_id = logins.assumed_role_id
WHERE trail.event_source IN ('ecr.amazonaws.com', 'ecr-public.amazonaws.com') AND trail.error_code IS NULL
GROUP BY logins.grant_name, trail.event_name, trail.ecr_repository
ORDER BY logins.grant_name, trail.event_name, trail.ecr_repository
