-- Exchanges over time, by decision.
SELECT date_trunc('hour', logged_at) AS hour, decision, count(*) AS exchanges
FROM audit
GROUP BY date_trunc('hour', logged_at), decision
ORDER BY hour, decision
