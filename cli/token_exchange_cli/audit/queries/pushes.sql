-- Pushed images: by digest, or by repository and tag; the newest first.
SELECT event_time, account_id, aws_region, ecr_repository, image_tag, put_digest, caller_id, caller_arn, caller_key_id,
  caller_source_identity, caller_ip
FROM trail
WHERE event_name = 'PutImage' AND error_code IS NULL
  AND (put_digest = $digest OR (ecr_repository = $repository AND image_tag = $tag))
ORDER BY event_time DESC, account_id
