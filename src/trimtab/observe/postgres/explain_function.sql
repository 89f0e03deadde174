-- trimtab.explain_json(query): the plan of one statement, for a role that may not read the data.
--
-- Run by a DBA with psql in the watched database:  psql -v watch_role=trimtab_watch -f explain_function.sql
-- Safe to run again. Take it back with:  DROP SCHEMA trimtab CASCADE; DROP OWNED BY trimtab_explain; DROP ROLE trimtab_explain;
--
-- What the watching role gets is plans: names, costs, and row estimates (which say something about the data, as
-- statistics do). What it does not get:
--   * the data: nothing is executed, several statements in one text are refused by the cursor, EXECUTE is taken with
--     NULLs alone (its arguments would be evaluated), functions that read whole tables while planning are refused,
--     and errors come back as a code, since a message can quote a value;
--   * rights: planning may evaluate functions, so a caller who owns any function is refused, the transaction is made
--     read only first, and the function belongs to a role that cannot log in, not to a superuser.
-- The query's own names are looked up in the caller's search_path; everything in the body is qualified, so that no
-- search_path can change what the body does.

DO $install$
DECLARE
    space pg_catalog.name;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'trimtab_explain') THEN
        CREATE ROLE trimtab_explain NOLOGIN;
    END IF;
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) THEN
        -- Where the DBA is no superuser (managed services): to hand over what it makes, it must be a member for now.
        GRANT trimtab_explain TO CURRENT_USER;
    END IF;
    IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 140000 THEN
        -- EXPLAIN asks for the right to write where the statement would write.
        GRANT pg_read_all_data, pg_write_all_data TO trimtab_explain;
    ELSE
        FOR space IN SELECT nspname FROM pg_catalog.pg_namespace
                     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trimtab') LOOP
            EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO trimtab_explain', space);
            EXECUTE pg_catalog.format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO trimtab_explain', space);
        END LOOP;
    END IF;
END
$install$;

CREATE SCHEMA IF NOT EXISTS trimtab;
REVOKE ALL ON SCHEMA trimtab FROM PUBLIC;

CREATE OR REPLACE FUNCTION trimtab.explain_json(query pg_catalog.text) RETURNS pg_catalog.json
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER PARALLEL UNSAFE
AS $function$
DECLARE
    looker CONSTANT pg_catalog.refcursor := 'trimtab_explain_json';
    plan pg_catalog.json;
    code pg_catalog.text;
BEGIN
    IF pg_catalog.regexp_match(query, '^\s*(select|insert|update|delete|with|values|table|\()', 'i') IS NULL
        AND pg_catalog.regexp_match(query, '^execute trimtab_[a-z0-9_]+\((null(, null)*)?\)$', 'i') IS NULL
    THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'trimtab.explain_json takes one SELECT, INSERT, UPDATE or DELETE';
    END IF;
    IF pg_catalog.regexp_match(query, '(to_xml|u&)', 'i') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'trimtab.explain_json does not take XML export functions, nor names in Unicode escapes';
    END IF;
    IF EXISTS (
        SELECT 1
        FROM (SELECT DISTINCT p.proowner FROM pg_catalog.pg_proc p) AS owners
        WHERE pg_catalog.pg_has_role(session_user, owners.proowner, 'MEMBER')
    ) AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolsuper AND pg_catalog.nameeq(r.rolname, session_user)
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = 'trimtab.explain_json refuses a role that owns functions: planning could run them';
    END IF;
    PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
    BEGIN
        OPEN looker NO SCROLL FOR EXECUTE pg_catalog.concat('EXPLAIN (FORMAT JSON) ', query);
        FETCH looker INTO plan;
        CLOSE looker;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE;
        RAISE EXCEPTION USING ERRCODE = code,
            MESSAGE = pg_catalog.concat('the statement could not be planned (SQLSTATE ', code, ')');
    END;
    RETURN plan;
END
$function$;

COMMENT ON FUNCTION trimtab.explain_json(pg_catalog.text) IS 'EXPLAIN (FORMAT JSON) of one statement; nothing is executed';
GRANT USAGE, CREATE ON SCHEMA trimtab TO trimtab_explain;
ALTER FUNCTION trimtab.explain_json(pg_catalog.text) OWNER TO trimtab_explain;
REVOKE CREATE ON SCHEMA trimtab FROM trimtab_explain;
REVOKE ALL ON FUNCTION trimtab.explain_json(pg_catalog.text) FROM PUBLIC;
GRANT USAGE ON SCHEMA trimtab TO :"watch_role";
GRANT EXECUTE ON FUNCTION trimtab.explain_json(pg_catalog.text) TO :"watch_role";

DO $leave$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) THEN
        REVOKE trimtab_explain FROM CURRENT_USER;
    END IF;
END
$leave$;
