-- The sessions behind an access key id, a session name, a source identity, a request id, a run or a commit.
SELECT *
FROM logins
WHERE access_key_id = $value OR session_name = $value OR source_identity = $value OR request_id = $value
  OR run_id = $value OR assumed_role_id = $value OR assumed_role_arn = $value OR sts_request_id = $value
ORDER BY logged_at, request_id, registry
