-- Cold starts, throttles by AWS or by this service, and failures of AWS, by day.
SELECT date_trunc('day', logged_at) AS day, count(*) AS exchanges,
  sum(CASE WHEN cold_start THEN 1 ELSE 0 END) AS cold_starts,
  sum(CASE WHEN reason IN ('aws-throttled', 'too-many-requests') THEN 1 ELSE 0 END) AS throttles,
  sum(CASE WHEN decision = 'failed' THEN 1 ELSE 0 END) AS failures
FROM audit
GROUP BY date_trunc('day', logged_at)
ORDER BY day
