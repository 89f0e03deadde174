SELECT (extract(epoch FROM now()) * 1000)::bigint, queryid, calls, total_exec_time FROM pg_stat_statements(false) WHERE userid = 'shop_app'::regrole
\watch 1
