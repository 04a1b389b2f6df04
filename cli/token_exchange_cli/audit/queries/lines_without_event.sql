-- Logins in audit lines without a session in CloudTrail.
SELECT logins.logged_at, logins.request_id, logins.sts_request_id, logins.access_key_id, logins.role_arn,
  logins.session_name, logins.issuer, logins.organization, logins.repository, logins.run_id
FROM logins
LEFT JOIN trail ON trail.aws_request_id = logins.sts_request_id
LEFT JOIN trail AS by_key ON by_key.made_key_id = logins.access_key_id
WHERE logins.failed_reason IS NULL AND logins.access_key_id IS NOT NULL
  AND logins.logged_at BETWEEN CAST($since AS TIMESTAMP) AND CAST($until AS TIMESTAMP)
  AND trail.event_id IS NULL AND by_key.event_id IS NULL
ORDER BY logins.logged_at, logins.request_id
