-- The logins behind a key, a session, a source identity, a request, a run, a job, a CI repository or an actor.
SELECT logins.*, audit.pipeline, audit.pipeline_id, audit.verified, audit.issuer_url, audit.claims, audit.reason,
  audit.source_ip, audit.user_agent, audit.sha, audit.token_sha256
FROM logins
JOIN audit ON audit.request_id IS NOT DISTINCT FROM logins.request_id
  AND audit.logged_at IS NOT DISTINCT FROM logins.logged_at
WHERE logins.access_key_id = $value OR logins.session_name = $value OR logins.source_identity = $value
  OR logins.request_id = $value OR logins.run_id = $value OR logins.job_id = $value
  OR logins.assumed_role_id = $value OR logins.assumed_role_arn = $value OR logins.sts_request_id = $value
  OR logins.repository = $value OR logins.actor = $value
  OR audit.api_request_id = $value OR audit.token_sha256 = $value OR audit.sha = $value
ORDER BY logins.logged_at, logins.request_id, logins.registry
