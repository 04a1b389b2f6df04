-- Lines without a login behind a request, a run, a job, a CI repository or an actor.
SELECT audit.logged_at, audit.request_id, audit.decision, audit.reason, audit.verified, audit.issuer, audit.issuer_url,
  audit.provider, audit.organization, audit.organization_id, audit.repository, audit.repository_id, audit.pipeline,
  audit.pipeline_id, audit.event, audit.run_id, audit.job_id, audit.actor, audit.actor_id, audit.ref, audit.branch,
  audit.tag, audit.sha, audit.claims, audit.source_ip, audit.user_agent
FROM audit
LEFT JOIN logins ON logins.request_id IS NOT DISTINCT FROM audit.request_id
  AND logins.logged_at IS NOT DISTINCT FROM audit.logged_at
WHERE logins.grant_name IS NULL
  AND (audit.request_id = $value OR audit.run_id = $value OR audit.job_id = $value OR audit.api_request_id = $value
    OR audit.token_sha256 = $value OR audit.sha = $value OR audit.repository = $value OR audit.actor = $value)
ORDER BY audit.logged_at, audit.request_id
