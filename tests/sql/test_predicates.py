"""Statements taken apart, each against what a careful reader would say. Notation in `described`."""

from __future__ import annotations

import pytest

from tests.sql.shop_catalog import shop_catalog
from trimtab.model.errors import StatementRefused
from trimtab.sql.conditions import Condition, Role, Sort, TableUse
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import single_statement


def condition(c: Condition) -> str:
    keys = ",".join(term.sql for term in (c.term, *c.row_terms))
    return f"{c.match.value} {keys}" + (f" @{c.arm[0]}.{c.arm[1]}" if c.arm else "")


def sort(s: Sort) -> str:
    keys = ",".join(
        f"{k.term.sql}{' desc' if k.descending else ''}"
        f"{'' if k.nulls_first == k.descending else ' nulls first' if k.nulls_first else ' nulls last'}"
        for k in s.keys
    )
    return f"sort {keys}{' limited' if s.limited else ''}{'' if s.complete else ' partly'}"


def described(use: TableUse) -> str:
    """One line for a table: alias: conditions; orders; groups; !heap when the rows themselves are needed."""
    parts = [condition(c) for c in use.conditions] + [sort(s) for s in use.sorts]
    parts += ["group " + ",".join(t.sql for t in terms) for terms in use.groups]
    return f"{use.alias}: {'; '.join(parts)}{' !heap' if use.needs_heap else ''}"


GOLDEN = [
    (
        "SELECT 1 FROM orders WHERE (user_id, status) IN (SELECT id, name FROM users)",
        ["orders: join user_id; join status", "users: join id; join name"],
    ),
    (
        "SELECT * FROM orders WHERE user_id = 5 AND 'open' = status ORDER BY created_at DESC LIMIT 10",
        ["orders: equal user_id; equal status; sort created_at desc limited"],
    ),
    (
        "select o.id from orders o join users u on u.id = o.user_id "
        "where lower(u.email) = $1 and o.created_at >= now() - interval $2 "
        "order by created_at desc nulls last limit $3",
        [
            "o: join user_id; range created_at; sort created_at desc nulls last limited",
            "u: join id; equal lower(email)",
        ],
    ),
    (
        "select id from orders where total between 1 and 2 and status in ('a', 'b') and a = any($1) and note like 'x%'",
        ["orders: range total; one_of status; one_of a; prefix note"],
    ),
    (
        "with c as (select user_id u, sum(total) t from orders where active group by 1) "
        "select * from c join users on users.id = c.u where name = 'x' order by c.u",
        ["orders: equal active; join user_id; sort user_id; group user_id", "users: join id; equal name"],
    ),
    (
        "select x.k from (select id as k, data->>'p' as path from orders) x where x.path = 'a' order by path, k",
        ["orders: equal data ->> 'p'; sort data ->> 'p',id"],
    ),
    (
        "select * from open_orders v where order_id = 3 and v.note = 'x'",
        ["o: equal status; equal id; equal lower(note)"],
    ),
    (
        "select email from users where exists (select 1 from orders where user_id = users.id and status = 'x') "
        "and id in (select user_id from orders o2 where total > 5)",
        ["users: join id; join id", "orders: join user_id; equal status", "o2: range total; join user_id"],
    ),
    (
        "select 1 from orders o, items i where (o.id = i.order_id and o.status = 'x' and i.price = 1) "
        "or (o.status = 'x' and i.price = 2 and o.id = i.order_id)",
        [
            "o: join id; equal status",
            "i: join order_id; other price; equal price @1.0; equal price @1.1",
        ],
    ),
    (
        "update orders set status = 'x' from users u where u.id = orders.user_id and u.active and not orders.active",
        ["orders: join user_id; equal active !heap", "u: join id; equal active"],
    ),
    (
        "delete from orders using items i where i.order_id = orders.id and (a, b) > (1, 2) and tenant_id is null",
        ["orders: join id; range a,b; is_null tenant_id !heap", "i: join order_id"],
    ),
    (
        'select "Order ""x"""."Id" from "Big Shop"."Order ""x""" where "Big Shop"."Order ""x"""."User" = 4',
        ['Order "x": equal User'],
    ),
    (
        "select status, count(*) from orders where tenant_id = 1 or (user_id = 2 and a = 3) group by status",
        ["orders: other tenant_id; equal tenant_id @1.0; equal user_id @1.1; equal a @1.1; group status"],
    ),
    (
        "select distinct on (user_id) user_id from orders order by user_id, created_at desc",
        ["orders: sort user_id,created_at desc; sort user_id"],
    ),
    ("select max(created_at) from orders where user_id = 1", ["orders: equal user_id; sort created_at limited"]),
    (
        "select row_number() over (partition by user_id order by created_at desc) from orders",
        ["orders: sort user_id,created_at desc"],
    ),
    (
        "select 1 from orders join items using (id) where orders.a - b > 5 and a > b",
        ["orders: join id; range a - b; other a", "items: join id"],
    ),
    (
        "select 1 from orders o, lateral (select * from items i where i.order_id = o.id order by price limit 1) z",
        ["o: join id", "i: join order_id; sort price limited"],
    ),
    (
        "select id from orders where created_at::date = '2020-01-01' and date(created_at) = $1 "
        "and coalesce(a, '') = 'x'",
        ["orders: equal CAST(created_at AS date); equal date(created_at); equal COALESCE(a, '')"],
    ),
    (
        "select id from orders where tags @> $1 and a <> 4 and note ilike '%x%'",
        ["orders: other tags; other a; other note"],
    ),
    (
        "(select id from orders where a = 1 order by b) union all select id from users where name = 'x' order by 1",
        ["orders: equal a; sort b", "users: equal name"],
    ),
    (
        "select * from orders o(x, y) where x = 1 and y = 2 and id = 3 and total = 4",
        ["o: equal id; equal user_id; equal total"],
    ),
    ("insert into items select 1 from orders where a = 1", ["orders: equal a"]),
    ("select * from generate_series(1, 10) g join orders on orders.a = g", ["orders: join a"]),
    ("select id from orders where a = 1 for update", ["orders: equal a !heap"]),
    (
        "with recursive r as (select id from users where name = 'x' "
        "union all select users.id from users join r on users.tenant_id = r.id) select * from r",
        ["users: equal name", "users: join tenant_id"],
    ),
    (
        "select * from (orders o join users u on o.user_id = u.id) as j where j.status = 'x'",
        ["o: join user_id; equal status", "u: join id"],
    ),
    (
        "select s.id from (select orders.*, email from orders join users on users.id = user_id) s "
        "where s.email = 'x' and s.status = 'y'",
        ["orders: join user_id; equal status", "users: join id; equal email"],
    ),
    ("select id, name from users order by 2, lower(email) limit 5", ["users: sort name,lower(email) limited"]),
    (
        "select o.id from orders o, users u where o.user_id = u.id order by o.total, u.name limit 5",
        ["o: join user_id; sort total limited partly", "u: join id"],
    ),
    ("select 1 from nowhere where a = 1", []),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN, ids=range(len(GOLDEN)))
def test_says_what_each_table_is_asked_for(text: str, expected: list[str]) -> None:
    analysis = analyse(single_statement(text), shop_catalog())
    assert [described(use) for use in analysis.uses] == expected


def test_columns_read_are_found_through_every_detour() -> None:
    text = (
        "with c as (select o.*, u.email from orders o join users u on u.id = o.user_id) "
        "select c.status, count(distinct c.total), "
        "(select max(price) from items where order_id = c.id) from c group by 1, c.id"
    )
    columns = {use.alias: use.columns for use in analyse(single_statement(text), shop_catalog()).uses}
    assert columns["u"] == {"id", "email"}
    assert {"status", "total", "id", "user_id"} <= columns["o"]
    assert columns["items"] == {"price", "order_id"}


def test_count_star_reads_no_column() -> None:
    (use,) = analyse(single_statement("select count(*) from orders where status = 'x'"), shop_catalog()).uses
    assert use.columns == {"status"}


def test_a_predicate_is_kept_only_without_parameter_and_other_table() -> None:
    text = (
        "select 1 from orders o join users u on u.id = o.user_id where o.status = 'x' and o.total > $1 "
        "and o.note is not null and o.a in ('1', '2') and o.b <> u.name and (o.a = '1' or o.b = '2')"
    )
    use = analyse(single_statement(text), shop_catalog()).uses[0]
    assert [c.predicate for c in use.conditions if c.predicate] == [
        "status = 'x'",
        "note IS NOT NULL",
        "a IN ('1', '2')",
        "a = '1' OR b = '2'",
    ]


def test_parameters_have_roles() -> None:
    text = (
        "select 1 from orders where a = $1 and total between $2 and $3 and b in ($4, $5) and $6 < user_id "
        "and note like $7 and lower(status) = $8::text and (tenant_id, id) >= ($9, $10) and note ilike $13 "
        "and tags @> $14 and active <> $15 and status not in ($16, $17) limit $11 offset $12"
    )
    roles = analyse(single_statement(text), shop_catalog()).parameters
    assert {n: (r.role, r.term.sql if r.term else None) for n, r in roles.items()} == {
        1: (Role.EQUAL, "a"),
        2: (Role.LOW, "total"),
        3: (Role.HIGH, "total"),
        4: (Role.EQUAL, "b"),
        5: (Role.EQUAL, "b"),
        6: (Role.LOW, "user_id"),
        7: (Role.PATTERN, "note"),
        8: (Role.EQUAL, "lower(status)"),
        9: (Role.LOW, "tenant_id"),
        10: (Role.LOW, "id"),
        11: (Role.LIMIT, None),
        12: (Role.OFFSET, None),
        13: (Role.WITHIN, "note"),
        14: (Role.PART, "tags"),
        15: (Role.EQUAL, "active"),
        16: (Role.EQUAL, "status"),
        17: (Role.EQUAL, "status"),
    }


def test_expressions_that_a_parameter_is_part_of_are_named() -> None:
    found = analyse(single_statement("select 1 from orders where data ->> $1 = $2 and a = $3"), shop_catalog())
    assert found.hidden == ("public.orders",)
    assert analyse(single_statement("select 1 from orders where data ->> 'k' = $1"), shop_catalog()).hidden == ()


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE x (a int)",
        "select 1; select 2",
        "selec",
        "",
        "VACUUM",
        "SELECT " + "(SELECT " * 60 + "1" + ")" * 60,
        "SELECT 1 FROM orders WHERE a = " + "1 + (" * 900 + "1" + ")" * 900,
        "select * from " + ", ".join(f"orders o{n}" for n in range(70)),
    ],
)
def test_refuses_what_it_cannot_advise_on(text: str) -> None:
    with pytest.raises(StatementRefused):
        analyse(single_statement(text), shop_catalog())


def test_a_refusal_does_not_repeat_the_statement() -> None:
    with pytest.raises(StatementRefused) as caught:
        single_statement("select * from users where email = 'secret@example.org' and and")
    assert "secret" not in str(caught.value)
