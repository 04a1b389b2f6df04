-- Pushed images: by digest, or by repository and tag; of one registry, or of any; the newest first.
SELECT event_time, account_id, aws_region, ecr_repository, image_tag, put_digest, caller_id, caller_arn, caller_key_id,
  caller_source_identity, caller_ip
FROM trail
WHERE event_name = 'PutImage' AND error_code IS NULL
  AND (put_digest = $digest OR (ecr_repository = $repository AND image_tag = $tag))
  AND account_id = coalesce(CAST($account AS VARCHAR), account_id)
  AND aws_region = coalesce(CAST($region AS VARCHAR), aws_region)
  AND event_source = coalesce(CAST($source AS VARCHAR), event_source)
ORDER BY event_time DESC, account_id
