-- Sessions of the broker's role in CloudTrail without an audit line.
-- The broker's roles are those that made the sessions of the lines. A session whose login failed has no id in its
-- line, but the digits of the request in its name; who knows them could make such a session at another time.
WITH brokers AS (
  SELECT DISTINCT trail.caller_role_arn AS role_arn
  FROM trail
  JOIN logins ON logins.sts_request_id = trail.aws_request_id
  WHERE trail.event_name = 'AssumeRole'
), failed AS (
  SELECT substr(replace(request_id, '-', ''), 1, 12) AS digits, logged_at
  FROM audit
  WHERE decision = 'failed' AND request_id IS NOT NULL
  UNION
  SELECT substr(replace(request_id, '-', ''), 1, 12) AS digits, logged_at
  FROM logins
  WHERE failed_reason IS NOT NULL AND request_id IS NOT NULL
)
SELECT trail.aws_request_id, min(trail.event_time) AS event_time, min(trail.role_arn) AS role_arn,
  min(trail.session_name) AS session_name, min(trail.source_identity) AS source_identity,
  min(trail.made_key_id) AS made_key_id, min(trail.caller_arn) AS caller_arn, min(trail.caller_ip) AS caller_ip
FROM trail
LEFT JOIN logins ON logins.sts_request_id = trail.aws_request_id
LEFT JOIN logins AS by_key ON by_key.access_key_id = trail.made_key_id
LEFT JOIN failed ON failed.digits = substr(trail.session_name, length(trail.session_name) - 11)
  AND abs(date_diff('second', failed.logged_at, trail.event_time)) <= 60
WHERE trail.event_source = 'sts.amazonaws.com' AND trail.event_name = 'AssumeRole' AND trail.error_code IS NULL
  AND trail.caller_role_arn IN (SELECT role_arn FROM brokers UNION SELECT CAST($broker_role_arn AS VARCHAR) AS role_arn)
  AND trail.event_time BETWEEN CAST($since AS TIMESTAMP) AND CAST($until AS TIMESTAMP)
  AND logins.request_id IS NULL AND by_key.request_id IS NULL AND failed.digits IS NULL
GROUP BY trail.aws_request_id
ORDER BY event_time, trail.aws_request_id
