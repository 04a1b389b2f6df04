-- The time of granted exchanges by part, in milliseconds: 50th, 95th and 99th percentile.
SELECT part, count(*) AS exchanges,
  approx_quantile(milliseconds, 0.5) AS p50,
  approx_quantile(milliseconds, 0.95) AS p95,
  approx_quantile(milliseconds, 0.99) AS p99,
  max(milliseconds) AS longest
FROM (
  SELECT 'verify' AS part, verify_ms AS milliseconds FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'keys', keys_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'decide', decide_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'state', state_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'sts', sts_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'ecr', ecr_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'secret', secret_ms FROM audit WHERE decision = 'granted'
  UNION ALL SELECT 'total', total_ms FROM audit WHERE decision = 'granted'
) AS parts
WHERE milliseconds IS NOT NULL
GROUP BY part
ORDER BY p50 DESC, part
