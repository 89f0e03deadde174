-- trimtab.logged_plans(file, byte): the plans that auto_explain wrote into the server's log since that place.
--
-- Run by a superuser with psql in the watched database:  psql -v watch_role=trimtab_watch -f log_function.sql
-- Safe to run again. Take it back with:  DROP FUNCTION trimtab.logged_plans; DROP OWNED BY trimtab_log; DROP ROLE trimtab_log;
--
-- What the watching role gets is the entries `duration: … ms  plan:` of the current log, with their statements (which it
-- sees in pg_stat_activity, too), and no other line. The function belongs to a role that cannot log in, and reads at most
-- two megabytes of one file: the current log.

DO $install$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'trimtab_log') THEN
        CREATE ROLE trimtab_log NOLOGIN;
    END IF;
END
$install$;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_current_logfile(text) TO trimtab_log;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint) TO trimtab_log;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO trimtab_log;

CREATE SCHEMA IF NOT EXISTS trimtab;
REVOKE ALL ON SCHEMA trimtab FROM PUBLIC;

CREATE OR REPLACE FUNCTION trimtab.logged_plans(
    INOUT file pg_catalog.text, INOUT byte pg_catalog.int8, OUT form pg_catalog.text, OUT entries pg_catalog.text[]
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
AS $function$
DECLARE
    bytes_max CONSTANT pg_catalog.int8 := 2000000;
    header CONSTANT pg_catalog.text := 'ms  plan:';
    known CONSTANT pg_catalog.text := file;
    body pg_catalog.text;
    pattern pg_catalog.text;
    size pg_catalog.int8;
    modified pg_catalog.timestamptz;
    back pg_catalog.int4;
BEGIN
    entries := '{}';
    form := 'json';
    pattern := '[^\n]*"message":"duration: [0-9.]+ ms  plan:[^\n]*\n';
    IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 150000 THEN
        file := pg_catalog.pg_current_logfile('jsonlog');
    ELSE
        file := NULL;
    END IF;
    IF file IS NULL THEN
        form := 'csv';
        pattern := '"duration: [0-9.]+ ms  plan:\n(?:[^"]|"")*"[^"]';
        file := pg_catalog.pg_current_logfile('csvlog');
    END IF;
    IF file IS NULL THEN
        form := 'text';
        pattern := 'duration: [0-9.]+ ms  plan:\n(?:\t[^\n]*\n)+(?=[^\t])';
        file := pg_catalog.pg_current_logfile('stderr');
    END IF;
    IF file IS NULL THEN
        byte := 0;
        RETURN;
    END IF;
    SELECT s.size, s.modification INTO size, modified FROM pg_catalog.pg_stat_file(file) AS s;
    IF known IS NULL THEN
        byte := size; -- from now on
    ELSIF known OPERATOR(pg_catalog.<>) file OR byte OPERATOR(pg_catalog.>) size THEN
        byte := 0;
    END IF;
    byte := GREATEST(byte, size OPERATOR(pg_catalog.-) bytes_max);
    IF byte OPERATOR(pg_catalog.>=) size THEN
        RETURN;
    END IF;
    -- Bytes beyond ASCII become \ooo: a character that was cut in two is no error.
    body := pg_catalog.encode(
        pg_catalog.pg_read_binary_file(file, byte, size OPERATOR(pg_catalog.-) byte), 'escape');
    IF form OPERATOR(pg_catalog.=) 'text' AND modified OPERATOR(pg_catalog.<)
        (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '2 seconds'::pg_catalog.interval) THEN
        body := pg_catalog.concat(body, E'\n'); -- nobody is writing: the last entry is whole
    END IF;
    entries := ARRAY(SELECT (pg_catalog.regexp_matches(body, pattern, 'g'))[1]);
    byte := size;
    -- An entry at the end that is not whole yet is read again, with a little before it.
    back := pg_catalog.strpos(pg_catalog.reverse(body), pg_catalog.reverse(header));
    IF back OPERATOR(pg_catalog.>) 0 AND pg_catalog.regexp_match(
        pg_catalog.right(body, back OPERATOR(pg_catalog.+) 60), pattern) IS NULL
    THEN
        byte := size OPERATOR(pg_catalog.-) LEAST(
            pg_catalog.octet_length(pg_catalog.decode(pg_catalog.right(body, back), 'escape')) OPERATOR(pg_catalog.+) 2000,
            bytes_max);
        byte := GREATEST(byte, 0::pg_catalog.int8);
    END IF;
END
$function$;

COMMENT ON FUNCTION trimtab.logged_plans(pg_catalog.text, pg_catalog.int8)
    IS 'Plans of auto_explain in the current log, since a place in it';
GRANT USAGE, CREATE ON SCHEMA trimtab TO trimtab_log;
ALTER FUNCTION trimtab.logged_plans(pg_catalog.text, pg_catalog.int8) OWNER TO trimtab_log;
REVOKE CREATE ON SCHEMA trimtab FROM trimtab_log;
REVOKE ALL ON FUNCTION trimtab.logged_plans(pg_catalog.text, pg_catalog.int8) FROM PUBLIC;
GRANT USAGE ON SCHEMA trimtab TO :"watch_role";
GRANT EXECUTE ON FUNCTION trimtab.logged_plans(pg_catalog.text, pg_catalog.int8) TO :"watch_role";
