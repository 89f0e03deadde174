-- Deterministic chance: the same seed gives the same shop on every machine.
-- fill.u(row, salt) is uniform in [0, 1); fill.zipf(row, salt, n) is a rank in 1..n, where rank r is about 1/r as likely.
CREATE SCHEMA fill;

CREATE FUNCTION fill.u(row_number bigint, salt integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((hashint8extended($1, %(seed)s::bigint * 1000 + $2) & 4503599627370495) / 4503599627370496.0::double precision) $$;

CREATE FUNCTION fill.zipf(row_number bigint, salt integer, n integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT least($3, floor(exp(fill.u($1, $2) * ln($3 + 1::double precision)))::integer) $$;

-- A uniform pick out of a list of words.
CREATE FUNCTION fill.pick(row_number bigint, salt integer, words text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ($3)[1 + floor(fill.u($1, $2) * cardinality($3))::integer] $$;

GRANT USAGE ON SCHEMA fill TO shop_owner;
