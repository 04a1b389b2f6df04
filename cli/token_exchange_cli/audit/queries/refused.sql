-- Lines without a login behind a request id, a run or a job.
SELECT logged_at, request_id, decision, reason, issuer, issuer_url, provider, organization, repository, run_id, job_id,
  actor, ref, sha, source_ip, user_agent
FROM audit
WHERE decision <> 'granted'
  AND (request_id = $value OR run_id = $value OR job_id = $value OR api_request_id = $value OR token_sha256 = $value
    OR sha = $value)
ORDER BY logged_at, request_id
