-- Everything that a session did: by the id of its role and name, or by its access key id.
SELECT trail.event_time, trail.event_source, trail.event_name, trail.error_code, trail.account_id, trail.aws_region,
  trail.ecr_repository, coalesce(trail.image_tag, pulled.image_tag) AS image_tag,
  coalesce(trail.put_digest, trail.image_digest, pulled.image_digest) AS image_digest, trail.caller_ip
FROM trail
LEFT JOIN pulled ON pulled.event_id = trail.event_id
WHERE trail.caller_id = $assumed_role_id OR trail.caller_key_id = $access_key_id
ORDER BY trail.event_time, trail.event_name, trail.image_tag
