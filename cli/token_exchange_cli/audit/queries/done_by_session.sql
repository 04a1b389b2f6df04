-- Everything that the sessions of an exchange did.
SELECT trail.event_time, trail.event_source, trail.event_name, trail.error_code, trail.account_id, trail.aws_region,
  trail.ecr_repository, trail.image_tag, trail.image_digest, trail.put_digest, logins.request_id
FROM logins
JOIN trail ON trail.caller_id = logins.assumed_role_id OR trail.caller_key_id = logins.access_key_id
WHERE logins.request_id = $request_id
ORDER BY trail.event_time, trail.event_name
