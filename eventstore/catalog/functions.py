"""Rules about functions."""

from eventstore.catalog.rule import Rule

SEARCH_PATH = """
    SELECT p.oid::regprocedure::text AS object, 'has no fixed search_path of pg_catalog, pg_temp' AS detail
      FROM pg_proc AS p
     WHERE p.pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
       AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

DEFINERS = """
    SELECT p.oid::regprocedure::text AS object,
           CASE WHEN r.rolname <> 'loopctl_fn' THEN 'runs with the rights of ' || r.rolname
                ELSE 'is SECURITY DEFINER and not listed'
           END AS detail
      FROM pg_proc AS p
      JOIN pg_roles AS r ON r.oid = p.proowner
     WHERE p.prosecdef
       AND p.pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
       AND (r.rolname <> 'loopctl_fn' OR p.oid::regprocedure::text <> ALL ($1::text[]))
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

TENANT_FIRST = """
    SELECT DISTINCT p.oid::regprocedure::text AS object,
           'may be called by ' || r.rolname || ' without a tenant' AS detail
      FROM pg_proc AS p
     CROSS JOIN LATERAL aclexplode(p.proacl) AS granted
      JOIN pg_roles AS r ON r.oid = granted.grantee
     WHERE r.rolname IN ('loopctl_app', 'loopctl_worker')
       AND p.oid::regprocedure::text <> ALL ($1::text[])
       AND (p.pronargs = 0 OR p.proargtypes[0] <> 'uuid'::regtype OR coalesce(p.proargnames[1], '') !~ 'tenant')
     ORDER BY object, detail
     LIMIT 100
"""

SESSION_STATE = """
    SELECT p.oid::regprocedure::text AS object, 'uses advisory locks or notifications' AS detail
      FROM pg_proc AS p
     WHERE p.pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
       AND coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
           ~* '_advisory_|\\m(listen|unlisten|notify|pg_notify)\\M'
       AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY object
     LIMIT 100
"""

FUNCTION_SOURCES = """
    WITH pinned AS (
        SELECT substr(pin, 66) AS name, array_agg(left(pin, 64)) AS hashes
          FROM unnest($1::text[]) AS pin
         GROUP BY 1
    ), found AS (
        SELECT pinned.name,
               pinned.hashes,
               encode(
                   sha256(convert_to(concat_ws(' ', l.lanname, p.provolatile, p.proisstrict, p.prosrc), 'UTF8')),
                   'hex') AS hash
          FROM pinned
          LEFT JOIN pg_proc AS p ON p.oid = to_regprocedure(pinned.name)
          LEFT JOIN pg_language AS l ON l.oid = p.prolang
    )
    SELECT found.name AS object,
           CASE WHEN to_regprocedure(found.name) IS NULL THEN 'does not exist'
                ELSE 'is not as it was made, it hashes to ' || found.hash
           END AS detail
      FROM found
     WHERE to_regprocedure(found.name) IS NULL OR found.hash <> ALL (found.hashes)
     ORDER BY object
     LIMIT 100
"""

FUNCTION_RULES = (
    Rule(
        "function_has_fixed_search_path", SEARCH_PATH, "SET search_path = pg_catalog, pg_temp, and name app.… in full."
    ),
    Rule(
        "definer_functions_are_listed",
        DEFINERS,
        "Let loopctl_fn own it and list it in Expected.definer_functions, or make it SECURITY INVOKER.",
        ("definer_functions",),
    ),
    Rule(
        "function_takes_the_tenant_first",
        TENANT_FIRST,
        "Make tenant_id uuid the first argument, or list it in Expected.tenantless_functions.",
        ("tenantless_functions",),
    ),
    Rule(
        "function_is_as_it_was_made",
        FUNCTION_SOURCES,
        "Make it again as its migration has it; a migration that replaces it adds the new hash to Expected.sources.",
        ("sources",),
    ),
    Rule("no_session_state", SESSION_STATE, "Lock rows, and wake readers through Redis after the commit."),
)
