"""A hundred statements that rewriters are known to get wrong, or nearly: NULL, NOT IN, COUNT, duplicates, outer joins.

They speak of the golden pairs' tables. `FIRES` are rules that have to find something in them; where none is named,
nothing has to fire, and nothing may be wrong.
"""

from __future__ import annotations

CASES: tuple[str, ...] = (
    # NOT IN
    "SELECT id FROM customers WHERE id NOT IN (SELECT boss FROM customers)",
    "SELECT id FROM customers WHERE boss NOT IN (SELECT id FROM customers WHERE city = 'a')",
    "SELECT id FROM customers WHERE boss NOT IN (SELECT boss FROM customers WHERE boss IS NOT NULL)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT partner_id FROM orders WHERE partner_id > 3)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT partner_id FROM orders WHERE partner_id IS NULL)",
    "SELECT id FROM customers c WHERE id NOT IN (SELECT o.customer_id FROM orders o WHERE o.total > c.id)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT max(customer_id) FROM orders)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders GROUP BY 1 HAVING count(*) > 2)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT DISTINCT customer_id FROM orders WHERE status = 'none such')",
    "SELECT order_id FROM items WHERE (order_id, line) NOT IN (SELECT order_id, line FROM items WHERE quantity > 3)",
    "SELECT order_id FROM items WHERE (order_id, quantity) NOT IN (SELECT id, partner_id FROM orders)",
    "SELECT a FROM loose WHERE a NOT IN (SELECT b FROM loose)",
    "SELECT a FROM loose WHERE a IS NOT NULL AND a NOT IN (SELECT b FROM loose WHERE b IS NOT NULL)",
    "SELECT a FROM loose WHERE a > 2 AND a NOT IN (SELECT b FROM loose WHERE b < 5)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT o.customer_id FROM parts p LEFT JOIN orders o ON o.id = p.size)",
    "SELECT c.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id WHERE c.id NOT IN (SELECT size FROM parts)",
    "SELECT c.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id WHERE c.id NOT IN (SELECT id FROM parts)",
    # COUNT
    "SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) = 0",
    "SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 0",
    "SELECT id FROM customers c WHERE 1 > (SELECT count(o.partner_id) FROM orders o WHERE o.customer_id = c.id)",
    "SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) < 2",
    "SELECT id FROM customers c WHERE (SELECT count(o.paid_on) FROM orders o WHERE o.customer_id = c.id) <> 1",
    "SELECT id, (SELECT count(*) FROM orders o WHERE o.partner_id = c.id) FROM customers c",
    "SELECT id, (SELECT count(DISTINCT o.status) FROM orders o WHERE o.partner_id = c.boss) AS n FROM customers c",
    "SELECT id, (SELECT count(o.partner_id) FROM orders o WHERE o.customer_id = c.id) = 0 AS alone FROM customers c",
    "SELECT id FROM customers c WHERE NOT (SELECT count(*) FROM orders o WHERE o.customer_id = c.boss) > 0",
    "SELECT id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id AND o.status = 'a') "
    ">= 1 OR c.city IS NULL",
    "SELECT c.id FROM customers c WHERE c.boss = (SELECT count(*) FROM orders o WHERE o.customer_id = c.id)",
    "SELECT id FROM parts p WHERE (SELECT count(*) FROM items i WHERE i.part_id = p.size) = p.size",
    "SELECT a, (SELECT count(*) FROM loose x WHERE x.b = y.a) FROM loose y",
    "SELECT a FROM loose y WHERE (SELECT count(x.b) FROM loose x WHERE x.a = y.a) = 0",
    "SELECT id FROM customers c WHERE (SELECT count(*) FILTER (WHERE o.total > 5) FROM orders o "
    "WHERE o.customer_id = c.id) > 0",
    "SELECT id FROM customers WHERE (SELECT count(*) FROM orders WHERE status = 'none such') = 0",
    # aggregates of nothing
    "SELECT o.id FROM orders o WHERE o.total > (SELECT avg(i.price) FROM items i WHERE i.order_id = o.id)",
    "SELECT o.id FROM orders o WHERE o.total <= (SELECT 2 * sum(i.price) FROM items i WHERE i.order_id = o.id)",
    "SELECT o.id FROM orders o WHERE o.total <> (SELECT max(i.price) FROM items i WHERE i.order_id = o.id)",
    "SELECT o.id FROM orders o WHERE NOT o.total > (SELECT avg(i.price) FROM items i WHERE i.order_id = o.id)",
    "SELECT o.id FROM orders o WHERE (SELECT min(i.price) FROM items i WHERE i.order_id = o.id) IS NULL",
    "SELECT o.id FROM orders o WHERE coalesce((SELECT sum(i.quantity) FROM items i WHERE i.order_id = o.id), 0) < 5",
    "SELECT o.id FROM orders o WHERE o.total > (SELECT coalesce(avg(i.price), 0) FROM items i WHERE i.order_id = o.id)",
    "SELECT c.id, (SELECT sum(o.total) FROM orders o WHERE o.customer_id = c.id) FROM customers c ORDER BY c.id",
    "SELECT c.id, (SELECT max(o.paid_on) FROM orders o WHERE o.partner_id = c.boss) FROM customers c",
    "SELECT p.id FROM parts p WHERE p.size = (SELECT min(q.size) FROM parts q WHERE q.brand = p.brand)",
    "SELECT p.id FROM parts p WHERE p.size < (SELECT 0.5 * sum(i.quantity) FROM items i WHERE i.part_id = p.id "
    "AND i.order_id = p.size)",
    "SELECT o.id FROM orders o, customers c WHERE c.id = o.customer_id AND o.total = "
    "(SELECT max(x.total) FROM orders x WHERE x.customer_id = c.id) AND c.city = 'a'",
    "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id WHERE o.total > "
    "(SELECT avg(x.total) FROM orders x WHERE x.partner_id = c.id)",
    "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id WHERE "
    "(SELECT count(*) FROM orders x WHERE x.partner_id = c.boss) < 2",
    "SELECT c.city, sum((SELECT count(*) FROM orders o WHERE o.customer_id = c.id)) FROM customers c GROUP BY c.city",
    "SELECT a FROM loose y WHERE a > (SELECT avg(x.a) FROM loose x WHERE x.c = y.c)",
    "SELECT o.id FROM orders o WHERE o.total > ALL (SELECT i.price FROM items i WHERE i.order_id = o.id)",
    "SELECT c.id FROM customers c WHERE c.boss IN (SELECT o.partner_id FROM orders o WHERE o.total > "
    "(SELECT avg(i.price) FROM items i WHERE i.order_id = o.id AND i.quantity > 1))",
    # EXISTS, IN, OR
    "SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) "
    "OR EXISTS (SELECT 1 FROM orders o WHERE o.partner_id = c.id)",
    "SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.boss AND o.status = 'a') "
    "OR c.boss IN (SELECT size FROM parts)",
    "SELECT id FROM customers c WHERE NOT (EXISTS (SELECT 1 FROM orders o WHERE o.partner_id = c.boss) "
    "OR EXISTS (SELECT 1 FROM parts p WHERE p.size = c.boss))",
    "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.part_id <> o.id) "
    "AND NOT EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.part_id <> o.id AND i.note = 'a')",
    "SELECT id FROM customers WHERE id IN (SELECT DISTINCT partner_id FROM orders)",
    "SELECT id FROM customers WHERE id IN (SELECT partner_id FROM orders UNION SELECT size FROM parts)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT partner_id FROM orders UNION SELECT size FROM parts)",
    "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders UNION SELECT id FROM parts)",
    "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.paid_on > '2000-01-01' OR c.boss = 3",
    "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id WHERE o.partner_id IS NULL OR c.boss = 3",
    "SELECT o.id, c.city FROM orders o, customers c WHERE o.partner_id = c.id AND (o.paid_on IS NULL OR c.city = 'a' "
    "OR c.boss > o.id)",
    "SELECT count(*), sum(o.total) FROM orders o, customers c WHERE o.partner_id = c.boss "
    "AND (o.paid_on = '2000-01-01' OR c.city = 'a')",
    "SELECT DISTINCT c.city FROM orders o, customers c WHERE o.partner_id = c.boss AND (o.paid_on < '2000-01-02' "
    "OR c.city <> 'a')",
    "SELECT x.a, y.c FROM loose x, loose y WHERE x.a = y.b AND (x.c = 'a' OR y.c = 'b')",
    "SELECT x.a FROM loose x, loose y WHERE x.c = 'a' OR y.a IN (SELECT b FROM loose)",
    "SELECT id FROM orders o WHERE o.status = 'a' OR o.id IN (SELECT order_id FROM items WHERE note IS NULL)",
    # duplicates
    "SELECT DISTINCT id, status FROM orders",
    "SELECT DISTINCT code FROM parts",
    "SELECT DISTINCT code, brand FROM parts WHERE code IS NOT NULL",
    "SELECT DISTINCT a, b, c FROM loose",
    "SELECT DISTINCT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.partner_id",
    "SELECT DISTINCT o.id, i.note FROM orders o LEFT JOIN items i ON i.order_id = o.id",
    "SELECT DISTINCT c.name FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 1",
    "SELECT DISTINCT c.id FROM customers c, orders o, items i WHERE o.partner_id = c.id AND i.order_id = o.id "
    "AND i.note = 'a'",
    "SELECT DISTINCT x.a FROM loose x, loose y WHERE x.a = y.b",
    "SELECT DISTINCT o.customer_id FROM orders o JOIN items i ON i.order_id = o.id ORDER BY o.customer_id",
    "SELECT customer_id, count(DISTINCT id) FROM orders GROUP BY customer_id",
    "SELECT status, count(DISTINCT customer_id) FROM orders GROUP BY status",
    "SELECT o.status, count(DISTINCT o.id) FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.status",
    "SELECT i.order_id, count(DISTINCT i.line) FROM items i JOIN orders o ON o.id = i.order_id GROUP BY i.order_id",
    "SELECT brand, count(DISTINCT code) FROM parts GROUP BY brand",
    "SELECT 'x', id FROM orders UNION SELECT 'y', id FROM parts",
    "SELECT 'x', size FROM parts UNION SELECT 'y', boss FROM customers",
    "SELECT 1, id FROM orders UNION SELECT 1, id FROM parts",
    "SELECT a, count(*) FROM (SELECT DISTINCT a, b FROM loose) d GROUP BY a",
    # joins that fall away, or must not
    "SELECT o.id FROM orders o JOIN customers c ON c.id = o.partner_id",
    "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id JOIN items i ON i.order_id = o.id",
    "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.partner_id",
    "SELECT i.line FROM items i LEFT JOIN orders o ON o.id = i.part_id LEFT JOIN customers c ON c.id = o.partner_id",
    "SELECT count(*) FROM orders o, customers c, customers d WHERE c.id = o.customer_id AND d.id = o.partner_id "
    "AND d.city = 'a'",
    "SELECT a.id, b.status FROM orders a JOIN orders b ON a.id = b.id AND a.partner_id = b.partner_id",
    "SELECT a.size FROM parts a JOIN parts b ON a.code = b.code WHERE b.brand = 'a'",
    "SELECT x.a FROM loose x JOIN loose y ON x.a = y.a AND x.b = y.b",
    "SELECT o.id FROM orders o LEFT JOIN items i ON i.order_id = o.id AND i.quantity > 3 WHERE o.id < 7",
    "SELECT o.id, i.line FROM orders o LEFT JOIN items i ON i.order_id = o.id WHERE o.id BETWEEN 3 AND 6",
    "SELECT o.id, i.line FROM items i RIGHT JOIN orders o ON i.order_id = o.id WHERE i.order_id > 3 OR o.id < 5",
    "SELECT o.id, i.line FROM items i FULL JOIN orders o ON i.order_id = o.id WHERE coalesce(i.part_id, 0) = 3",
    # fences, columns, dates
    "WITH t AS (SELECT partner_id AS p, status AS s, sum(total) AS v FROM orders GROUP BY 1, 2) SELECT a.v, b.v "
    "FROM t a, t b WHERE a.p = b.p AND a.s = 'a' AND b.s = 'b'",
    "WITH t AS (SELECT a, b FROM loose UNION ALL SELECT b, a FROM loose) SELECT x.b FROM t x LEFT JOIN t y "
    "ON x.a = y.b WHERE x.a > 3 AND (y.b > 2 OR y.b IS NULL)",
    "WITH t AS MATERIALIZED (SELECT a, count(*) AS n FROM loose GROUP BY a) SELECT n FROM t WHERE a IN (1, 2)",
    "SELECT (SELECT count(*) FROM loose WHERE a < 3), (SELECT sum(b) FROM loose WHERE a > 99), "
    "(SELECT max(c) FROM loose)",
    "SELECT x.n, y.m FROM (SELECT count(b) AS n FROM loose WHERE c = 'a') x, (SELECT avg(a) AS m FROM loose "
    "WHERE c = 'a' AND b > 3) y",
    "SELECT id FROM orders WHERE extract(year FROM paid_on) = 2000 OR paid_on IS NULL",
    "SELECT id FROM orders WHERE NOT date_trunc('month', placed) = '2000-01-01'",
    "SELECT id FROM orders WHERE placed::date BETWEEN '1995-06-17' AND '2000-01-01'",
    "SELECT line FROM items WHERE quantity - 3 >= 2 AND part_id = 5.0",
    "SELECT id FROM parts WHERE coalesce(size, 0) = 5 AND coalesce(brand, 'x') <> 'a'",
    "SELECT id FROM customers WHERE city ILIKE 'A%' OR name ILIKE 'c'",
    "SELECT id FROM customers WHERE city ILIKE 'a_'",
    "SELECT size::text FROM parts WHERE size::text = '5'",
)
