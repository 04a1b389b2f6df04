-- Sessions that CloudTrail recorded for the broker's role, of which there is no audit line.
SELECT DISTINCT trail.event_time, trail.aws_request_id, trail.role_arn, trail.session_name, trail.source_identity,
  trail.made_key_id, trail.caller_arn, trail.caller_ip, trail.account_id
FROM trail
LEFT JOIN logins ON logins.sts_request_id = trail.aws_request_id
LEFT JOIN logins AS by_key ON by_key.access_key_id = trail.made_key_id
WHERE trail.event_source = 'sts.amazonaws.com' AND trail.event_name = 'AssumeRole' AND trail.error_code IS NULL
  AND trail.caller_role_arn = $broker_role_arn
  AND logins.request_id IS NULL AND by_key.request_id IS NULL
ORDER BY trail.event_time, trail.aws_request_id
