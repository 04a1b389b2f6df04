-- Who pushed an image with this digest: the event, and the login whose session it was.
SELECT trail.event_time, trail.account_id, trail.aws_region, trail.ecr_repository, trail.image_tag, trail.put_digest,
  trail.caller_id, trail.caller_key_id, logins.request_id, logins.issuer, logins.organization, logins.repository,
  logins.run_id, logins.actor, logins.grant_name
FROM trail
LEFT JOIN logins ON logins.assumed_role_id = trail.caller_id OR logins.access_key_id = trail.caller_key_id
WHERE trail.event_name = 'PutImage' AND trail.error_code IS NULL AND trail.put_digest = $digest
ORDER BY trail.event_time, trail.account_id
